"""The page of an ablation: its tables, and strips of images as in figures 4 and 5 of pix2pix."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from display.images import captioned_grid, save_picture
from display.pages.html import new_document, url
from metrics.report.result_files import result_files
from scripts.ablation.report import OUTPUT, SCORES, RowResult, grid, order
from scripts.ablation.runs import Ablation
from scripts.ablation.tables import AblationTable
from util.files import write_text

ImageStrip = dict[str, Path]  # caption -> file: input, every row, target


def strips(
    ablation: Ablation, table: AblationTable, results: Mapping[str, RowResult], count: int
) -> dict[str, ImageStrip]:
    """Return strips of the rows that are done, by the names of ``count`` images over the set."""
    done = [row for row in table.rows if row.run in results]
    if not done:
        return {}
    folders = {row.label: ablation.results(row) / "images" for row in done}
    first = folders[done[0].label]
    names = [files.name for files in result_files(first.parent, OUTPUT)]
    count = min(count, len(names))
    chosen = [names[index * (len(names) - 1) // max(1, count - 1)] for index in range(count)]
    return {
        name: {
            "Input": first / f"{name}_real_A.png",
            **{label: folder / f"{name}_{OUTPUT}.png" for label, folder in folders.items()},
            "Ground truth": first / f"{name}_real_B.png",
        }
        for name in chosen
    }


def write_strips(path: Path, rows: Mapping[str, ImageStrip]) -> None:
    """Write all strips as one PNG, with a column for each caption."""
    columns: dict[str, Any] = {}
    for caption in next(iter(rows.values())):
        images = [Image.open(strip[caption]).convert("RGB") for strip in rows.values()]
        columns[caption] = np.concatenate([np.asarray(image) for image in images])
    save_picture(captioned_grid(columns, columns=len(columns)), path)


def write_page(
    path: Path, facts: str, tables: Mapping[str, AblationTable],
    results: Mapping[str, RowResult], images: Mapping[str, Mapping[str, ImageStrip]],
) -> None:
    """``images``: the strips of each table, which the page links."""
    from dominate import tags

    page = new_document("The tables of pix2pix", width_px=128, css=_CSS)
    page.add(tags.p(facts, cls="status"))
    for name, table in tables.items():
        page.add(tags.h2(table.title), _scores(table, results))
        page.add(tags.ul((tags.li(line) for line in order(table, results)), cls="order"))
        if images[name]:
            page.add(tags.div(_images(path.parent, images[name]), cls="wide"))
    write_text(path, page.render(pretty=False))


def _scores(table: AblationTable, results: Mapping[str, RowResult]) -> Any:
    from dominate import tags

    sides = (tags.th(side, colspan=3) for side in ("ours", "published"))
    names = (tags.th(name) for name in ["", *SCORES.values(), *SCORES.values(), "training"])
    head = tags.thead(tags.tr(tags.th(), *sides, tags.th()), tags.tr(*names))
    body = tags.tbody(tags.tr(tags.th(label), *(tags.td(cell) for cell in cells))
                      for label, *cells in grid(table, results))
    return tags.div(tags.table(head, body, cls="scores"), cls="wide")


def _images(folder: Path, rows: Mapping[str, ImageStrip]) -> Any:
    from dominate import tags

    captions = next(iter(rows.values()))
    body = tags.tbody()
    for name, strip in rows.items():
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
