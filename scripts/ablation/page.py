"""An ablation as a page: its tables, and strips of pictures as in figures 4 and 5 of pix2pix."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from display.images import captioned_grid, save_picture
from display.pages.html import CSS, url
from scripts.ablation.report import OUTPUT, SCORES, Scored, grid, order, spread
from scripts.ablation.runs import Ablation
from scripts.ablation.tables import Table
from util.files import write_text

Strip = dict[str, Path]  # caption -> file: input, every row, target


def strips(
    ablation: Ablation, table: Table, scored: Mapping[str, Scored], count: int
) -> dict[str, Strip]:
    """Name of a picture -> its strip, of the rows that are done."""
    done = [row for row in table.rows if row.run in scored]
    if not done:
        return {}
    first = ablation.results(done[0]) / "images"
    found: dict[str, Strip] = {}
    for name in spread(first.parent, count):
        made = {row.label: ablation.results(row) / "images" / f"{name}_{OUTPUT}.png"
                for row in done}
        found[name] = {"Input": first / f"{name}_real_A.png", **made,
                       "Ground truth": first / f"{name}_real_B.png"}
    return found


def write_strips(path: Path, found: Mapping[str, Strip]) -> None:
    """All strips as one PNG, a column for each caption."""
    columns: dict[str, Any] = {}
    for caption in next(iter(found.values())):
        cells = []
        for strip in found.values():
            with Image.open(strip[caption]) as image:
                cells.append(np.asarray(image.convert("RGB")))
        columns[caption] = np.concatenate(cells)
    save_picture(captioned_grid(columns, columns=len(columns)), path)


def write_page(
    path: Path, facts: str, tables: Sequence[Table], scored: Mapping[str, Scored],
    pictures: Sequence[Mapping[str, Strip]],
) -> None:
    """``pictures``: the strips of each table. They are linked where they lie."""
    from dominate import document, tags, util

    page = document(title="Ablation")
    with page.head:
        tags.meta(charset="utf-8")
        tags.meta(name="viewport", content="width=device-width, initial-scale=1")
        tags.style(util.raw(CSS.replace("WIDTH", "128px") + _CSS))
    page.add(tags.h1("The tables of pix2pix"), tags.p(facts, cls="status"))
    for table, strips_of_it in zip(tables, pictures, strict=True):
        page.add(tags.h2(table.title), _numbers(table, scored))
        page.add(tags.ul((tags.li(line) for line in order(table, scored)), cls="order"))
        if strips_of_it:
            page.add(tags.div(_pictures(path.parent, strips_of_it), cls="wide"))
    write_text(path, page.render(pretty=False))


def _numbers(table: Table, scored: Mapping[str, Scored]) -> Any:
    from dominate import tags

    head = tags.thead(
        tags.tr(tags.th(), tags.th("ours", colspan=3), tags.th("published", colspan=3),
                tags.th()),
        tags.tr(tags.th(), *(tags.th(name) for name in [*SCORES.values()] * 2),
                tags.th("training")),
    )
    body = tags.tbody(
        tags.tr(tags.th(label), (tags.td(cell) for cell in cells))
        for label, *cells in grid(table, scored)
    )
    return tags.div(tags.table(head, body, cls="scores"), cls="wide")


def _pictures(folder: Path, found: Mapping[str, Strip]) -> Any:
    from dominate import tags

    captions = list(next(iter(found.values())))
    body = tags.tbody()
    for name, strip in found.items():
        row = body.add(tags.tr(title=name))
        for caption, file in strip.items():
            src = url(os.path.relpath(file.resolve(), folder.resolve()))
            image = tags.img(src=src, alt=f"{caption}, {name}", width=128, loading="lazy")
            row.add(tags.td(tags.a(image, href=src)))
    head = tags.thead(tags.tr(tags.th(caption) for caption in captions))
    return tags.table(head, body, cls="strips")


_CSS = """
h2 { font-size: 17px; margin: 32px 0 4px; padding-top: 16px; border-top: 1px solid var(--line); }
.wide { overflow-x: auto; }
.scores td, .scores th { padding: 2px 14px 2px 0; white-space: nowrap; }
.scores td { text-align: right; font-variant-numeric: tabular-nums; }
.scores thead th { text-align: right; }
.scores thead tr:first-child th { text-align: center; }
.order { color: var(--soft); font-size: 13px; padding-left: 20px; margin: 8px 0 12px; }
.strips td { padding: 0 4px 4px 0; }
.strips th { width: 128px; padding: 0 4px 2px 0; vertical-align: bottom; text-align: center; }
.strips th { font: 12px system-ui, sans-serif; white-space: normal; }
.strips img { image-rendering: auto; max-width: none; }
"""
