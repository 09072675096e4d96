"""HTML pages of captioned pictures: the test results and the training page."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from util.files import write_text

_THUMBNAIL_PX = 96


@dataclass(frozen=True)
class Figure:
    src: str  # path relative to the page, as it is on disk: not percent-encoded
    label: str
    width_px: int  # of the file
    height_px: int
    link: str = ""  # path of what a click opens, where it is not the picture itself


@dataclass(frozen=True)
class Row:
    title: str
    figures: list[Figure]


@dataclass(frozen=True)
class Notice:
    """Something to be told in a box; what ``is_over`` stands folded."""

    title: str
    text: str
    way_out: str = ""
    is_over: bool = False


@dataclass(frozen=True)
class Header:
    """What stands above the rows; every part may be missing. ``film``: rows of small pictures."""

    status: str = ""
    notices: Sequence[Notice] = ()
    curves: Figure | None = None
    film: Sequence[Row] = ()
    links: Mapping[str, str] = field(default_factory=dict)  # text -> path relative to the page
    options: Mapping[str, object] = field(default_factory=dict)  # shown folded


def write_page(
    path: Path,
    title: str,
    rows: Iterable[Row],
    *,
    width: int,
    header: Header | None = None,
    pages: Mapping[str, str] | None = None,
) -> None:
    """Write the page in one go; every picture is shown ``width`` pixels wide, or less on a phone.

    ``pages`` (text -> path relative to the page) are linked above and below the rows.

    Names are escaped and paths percent-encoded. Pictures load when they are scrolled to; their
    known sizes keep the page from jumping.
    """
    from dominate import document, tags, util

    page = document(title=title)
    with page.head:
        tags.meta(charset="utf-8")
        tags.meta(name="viewport", content="width=device-width, initial-scale=1")
        tags.style(util.raw(CSS.replace("WIDTH", f"{width}px")))
    page.add(tags.h1(title))
    _add_header(page, header or Header())
    _add_links(page, pages or {})
    for row in rows:
        page.add(tags.h3(row.title))
        figures = "".join(_figure(figure, width=width) for figure in row.figures)
        page.add(tags.div(util.raw(figures), cls="row"))
    _add_links(page, pages or {})
    # Indentation would double the size of a long page.
    write_text(path, page.render(pretty=False))


def _add_header(page: Any, header: Header) -> None:
    from dominate import tags, util

    if header.status:
        page.add(tags.p(header.status, cls="status"))
    _add_notices(page, header.notices)
    _add_links(page, header.links)
    if header.curves:
        curves = _figure(header.curves, width=header.curves.width_px)
        page.add(tags.div(util.raw(curves), cls="curves"))
    if header.film:
        page.add(tags.h2("Validation: the same pictures over the epochs"))
    for row in header.film:
        figures = "".join(_figure(figure, width=_THUMBNAIL_PX) for figure in row.figures)
        page.add(tags.p(row.title, cls="status"))
        page.add(tags.div(util.raw(figures), cls="film"))
    if header.options:
        rows = (
            tags.tr(tags.th(name), tags.td(str(value))) for name, value in header.options.items()
        )
        page.add(tags.details(tags.summary("Options"), tags.table(rows)))


def _add_notices(page: Any, notices: Sequence[Notice]) -> None:
    from dominate import tags

    for notice in notices:
        if not notice.is_over:
            shown = [tags.strong(notice.title), tags.p(notice.text), tags.p(notice.way_out)]
            page.add(tags.div(shown, cls="notice", role="alert"))
    over = [notice for notice in notices if notice.is_over]
    if over:
        items = (tags.li(tags.strong(notice.title), f" {notice.text}") for notice in over)
        page.add(tags.details(tags.summary(f"{len(over)} earlier, over"), tags.ul(items)))


def _add_links(page: Any, links: Mapping[str, str]) -> None:
    from dominate import tags

    if links:
        page.add(tags.nav(tags.a(text, href=url(target)) for text, target in links.items()))


def _figure(figure: Figure, *, width: int) -> str:
    """By hand: of a long page, dominate's tags would take a tenth of the time of a test."""
    label = escape(figure.label)
    height = max(1, round(width * figure.height_px / figure.width_px))
    return (
        f'<figure><a href="{url(figure.link or figure.src)}"><img src="{url(figure.src)}" '
        f'alt="{label}" width="{width}" height="{height}" loading="lazy" decoding="async"></a>'
        f"<figcaption>{label}</figcaption></figure>"
    )


def url(path: str) -> str:
    return quote(os.fsencode(path))


CSS = """
:root { color-scheme: light dark; --soft: #6b7280; --line: #e2e5ea; --link: #1d5fbf;
        --alarm: #b42318; }
body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; margin: 0 auto; padding: 24px 32px;
       max-width: 1800px; color: #1c2024; background: #fff; }
h1 { font-size: 22px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 28px 0 4px; }
h3 { font-size: 15px; margin: 28px 0 8px; padding-top: 12px; border-top: 1px solid var(--line);
     overflow-wrap: anywhere; }
a { color: var(--link); }
.status { color: var(--soft); margin: 0 0 8px; }
nav { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 8px 0; }
.notice { border: 1px solid var(--alarm); border-left-width: 6px; border-radius: 4px;
          margin: 12px 0; padding: 8px 14px; max-width: 80ch; overflow-wrap: anywhere; }
.notice strong { color: var(--alarm); }
.notice p { margin: 2px 0; }
.row { display: grid; gap: 8px 12px; grid-template-columns: repeat(auto-fill, WIDTH); }
figure { margin: 0; min-width: 0; }
img { display: block; max-width: 100%; height: auto; background: #8881; }
figcaption { color: var(--soft); font-size: 13px; text-align: center; overflow-wrap: anywhere; }
.film { display: flex; gap: 4px; overflow-x: auto; margin: 0 0 12px; padding-bottom: 4px; }
.film figure { flex: none; width: 96px; }
.curves { margin: 12px 0; overflow-x: auto; }
.curves img { background: #fff; }
.curves figcaption { display: none; }
details { margin: 12px 0; }
summary { cursor: pointer; color: var(--link); }
table { border-collapse: collapse; font: 13px/1.6 ui-monospace, "DejaVu Sans Mono", monospace; }
th { text-align: left; font-weight: normal; color: var(--soft); padding-right: 24px; }
td { overflow-wrap: anywhere; }
@media (max-width: 700px) {
  body { padding: 16px; }
  .row { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 8px; }
  figcaption { font-size: 11px; }
  .curves img { width: 620px; max-width: none; }
}
@media (prefers-color-scheme: dark) {
  :root { --soft: #9aa3af; --line: #333940; --link: #8ab8ff; --alarm: #ff8a7a; }
  body { color: #e6e8eb; background: #15181c; }
}
"""
