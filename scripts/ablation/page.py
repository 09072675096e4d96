"""The page of an ablation: its tables, and strips of images as in figures 4 and 5 of pix2pix."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data.checking.sample_check import spread_sample
from display.images import captioned_grid, save_picture
from display.pages.html import new_document, tag, url
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
    return {name: {"Input": first / f"{name}_real_A.png",
                   **{label: folder / f"{name}_{OUTPUT}.png" for label, folder in folders.items()},
                   "Ground truth": first / f"{name}_real_B.png"}
            for name in spread_sample(names, min(count, len(names)))}


def write_strips(path: Path, rows: Mapping[str, ImageStrip]) -> None:
    """Write all strips as one PNG, with a column for each caption."""
    columns = {caption: np.concatenate([np.asarray(Image.open(strip[caption]).convert("RGB"))
                                        for strip in rows.values()])
               for caption in next(iter(rows.values()))}
    save_picture(captioned_grid(columns, columns=len(columns)), path)


def write_page(
    path: Path, facts: str, tables: Mapping[str, AblationTable],
    results: Mapping[str, RowResult], images: Mapping[str, Mapping[str, ImageStrip]],
) -> None:
    """``images``: the strips of each table, which the page links."""
    page = new_document("The tables of pix2pix", width_px=128, css=_CSS)
    page.add(tag("p", facts, cls="status"))
    for name, table in tables.items():
        page.add(tag("h2", table.title), tag("div", _scores(table, results), cls="wide"))
        page.add(tag("ul", (tag("li", line) for line in order(table, results)), cls="order"))
        if images[name]:
            page.add(tag("div", _images(path.parent, images[name]), cls="wide"))
    write_text(path, page.render(pretty=False))


def _scores(table: AblationTable, results: Mapping[str, RowResult]) -> Any:
    sides = (tag("th", side, colspan=3) for side in ("ours", "published"))
    names = (tag("th", name) for name in ("", *SCORES.values(), *SCORES.values(), "training"))
    head = tag("thead", tag("tr", tag("th"), *sides, tag("th")), tag("tr", *names))
    body = tag("tbody", (tag("tr", tag("th", label), *(tag("td", cell) for cell in cells))
                         for label, *cells in grid(table, results)))
    return tag("table", head, body, cls="scores")


def _images(folder: Path, rows: Mapping[str, ImageStrip]) -> Any:
    body = tag("tbody")
    for name, strip in rows.items():
        row = body.add(tag("tr", title=name))
        for caption, file in strip.items():
            src = url(os.path.relpath(file.resolve(), folder.resolve()))
            image = tag("img", src=src, alt=f"{caption}, {name}", width=128, loading="lazy")
            row.add(tag("td", tag("a", image, href=src)))
    head = tag("thead", tag("tr", (tag("th", caption) for caption in next(iter(rows.values())))))
    return tag("table", head, body, cls="strips")


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
