"""HTML pages of captioned images: the results of a test, and the page of a training run."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image

from util.files import write_text

CSS = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
_THUMBNAIL_PX = 96
_SMOOTH_PX = 200  # images that are less wide are enlarged with sharp pixels, not blurred
_TINY = 'class="tiny" '


@dataclass(frozen=True)
class Figure:
    src: str  # path relative to the page, as it is on disk: not percent-encoded
    label: str
    width_px: int  # of the file
    height_px: int
    link: str = ""  # path of the file that a click opens; default: the image itself

    @classmethod
    def read(cls, folder: Path, src: str, label: str) -> "Figure":
        """Return the figure of an image file ``folder / src``, with its size. Raises OSError."""
        with Image.open(folder / src) as image:
            return cls(src, label, *image.size)


@dataclass(frozen=True)
class FigureRow:
    """Lines of images below a title and a ``note``."""

    title: str
    lines: Sequence[Sequence[Figure]]
    note: str = ""

    @classmethod
    def of_lines(
        cls, title: str, figures: Mapping[str, Figure], lines: Sequence[Sequence[str]]
    ) -> "FigureRow":
        """Put the figures (by label) into rows of labels; others follow in the last row."""
        rows = [[figures[label] for label in line if label in figures] for line in lines] or [[]]
        named = {label for line in lines for label in line}
        rows[-1] += [figure for label, figure in figures.items() if label not in named]
        return cls(title, [row for row in rows if row])

    @property
    def figures(self) -> list[Figure]:
        return [*chain(*self.lines)]


@dataclass(frozen=True)
class Notice:
    """A message in a box; if ``is_over``, it is listed in a folded part of the page."""

    title: str
    text: str
    remedy: str = ""
    is_over: bool = False


@dataclass(frozen=True)
class Header:
    """The part of the page above the rows. ``film`` holds rows of small images.

    ``narrow_curves`` replaces ``curves`` on a phone; ``latest`` is the table beside them.
    """

    status: str = ""
    notices: Sequence[Notice] = ()
    curves: Figure | None = None
    narrow_curves: Figure | None = None
    latest: Any = None
    film: Sequence[FigureRow] = ()
    links: Mapping[str, str] = field(default_factory=dict)  # text -> path relative to the page
    options: Mapping[str, object] = field(default_factory=dict)  # shown folded
    results: str = ""  # HTML of links


def tag(name: str, /, *content: Any, **attributes: Any) -> Any:
    """Return an HTML element of dominate, which is imported only when a page is written."""
    from dominate import tags

    return getattr(tags, name)(*content, **attributes)


def raw(html: str) -> Any:
    """Return content of an element that is not escaped."""
    from dominate.util import raw

    return raw(html)


def new_document(title: str, *, width_px: int, css: str = "") -> Any:
    """Return a dominate document with a heading and the style of all pages, then ``css``."""
    from dominate import document

    page = document(title=title, lang="en")
    with page.head:
        tag("meta", charset="utf-8")
        tag("meta", name="viewport", content="width=device-width, initial-scale=1")
        tag("style", raw(CSS.replace("WIDTH", f"{width_px}px") + css))
    page.add(tag("h1", title))
    return page


def write_page(
    path: Path, title: str, rows: Iterable[FigureRow], *, width: int,
    header: Header | None = None, pages: Mapping[str, str] | None = None, fill: bool = False,
) -> None:
    """Write the page. Every image is shown ``width`` pixels wide, or less on a phone; with
    ``fill`` as wide as fits, but at least ``width``.

    ``pages`` (text -> path relative to the page) are linked above and below the rows.

    Names are escaped and paths percent-encoded. The browser loads an image when the user scrolls
    to it; the sizes are written into the page, so that its layout does not change while it loads.
    """
    page = new_document(title, width_px=width)
    _add_header(page, header or Header())
    add_links(page, pages or {})
    for row in rows:
        page.add(tag("h3", row.title), tag("p", row.note, cls="status") if row.note else [])
        page.add(figures(line, width=width, cls="row fill" if fill else "row")
                 for line in row.lines)
    add_links(page, pages or {})
    # Indentation would double the size of a long page.
    write_text(path, page.render(pretty=False))


def _add_header(page: Any, header: Header) -> None:
    page.add(tag("p", line, cls="status") for line in header.status.splitlines())
    for notice in header.notices:
        if not notice.is_over:
            parts = [tag("strong", notice.title), tag("p", notice.text), tag("p", notice.remedy)]
            page.add(tag("div", parts, cls="notice", role="alert"))
    over = [tag("li", tag("strong", notice.title), f" {notice.text}")
            for notice in header.notices if notice.is_over]
    if over:
        page.add(tag("details", tag("summary", f"{len(over)} earlier, over"), tag("ul", over)))
    add_links(page, header.links)
    page.add(raw(header.results))
    if header.curves:
        page.add(tag("div", _curves(header.curves, header.narrow_curves or header.curves),
                     header.latest or [], cls="charts"))
    if header.film:
        page.add(tag("h2", "Validation: the same images over the epochs"))
    for row in header.film:
        images = figures(row.figures, width=_THUMBNAIL_PX, cls="film")
        page.add(tag("p", row.title, cls="status"), images)
    if header.options:
        rows = [tag("tr", tag("th", name), tag("td", str(value)))
                for name, value in header.options.items()]
        page.add(tag("details", tag("summary", "Options"), tag("table", rows)))


def add_links(page: Any, links: Mapping[str, str]) -> None:
    """Add a line of links (text -> path relative to the page), if there are any."""
    if links:
        page.add(tag("nav", [tag("a", text, href=url(target)) for text, target in links.items()]))


def _curves(wide: Figure, narrow: Figure) -> Any:
    def source(name: str, it: Figure) -> str:
        return f'{name}="{url(it.src)}" width="{it.width_px}" height="{it.height_px}"'

    return raw(
        f'<a class="curves" href="{url(wide.src)}"><picture><source media="(max-width: 700px)" '
        f'{source("srcset", narrow)}><img {source("src", wide)} alt="{escape(wide.label)}">'
        "</picture></a>"
    )


def figures(shown: Iterable[Figure], *, width: int, cls: str) -> Any:
    """Return a row of images.

    Its HTML is text: tags of dominate would take a tenth of the time of a long test.
    """
    html, listed = "", list(shown)
    for figure in listed:
        label = escape(figure.label)
        height = max(1, round(width * figure.height_px / figure.width_px))
        html += (
            f'<figure><a href="{url(figure.link or figure.src)}"><img src="{url(figure.src)}" '
            f'{_TINY if figure.width_px < _SMOOTH_PX else ""}'
            f'alt="{label}" width="{width}" height="{height}" loading="lazy" decoding="async"></a>'
            f"<figcaption>{label}</figcaption></figure>")
    # On a phone: at most three beside each other, and four in two rows.
    on_phone = min(3, len(listed)) if len(listed) != 4 else 2
    return tag("div", raw(html), cls=cls, style=f"--n:{len(listed)};--phone:{max(1, on_phone)}")


def url(path: str) -> str:
    """Return the path percent-encoded."""
    return quote(os.fsencode(path))
