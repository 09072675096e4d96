"""The page of an evaluation: runs side by side, each picture to look at, worst and best first.

One HTML file that needs no network: data, style and script are in it, and the pictures, which stay
where they are, are linked by relative paths.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from display.pages.html import CSS, url
from util.files import write_text
from util.text import merge_equal_lines

MOST_OPEN = 4  # parts of a score that are shown unasked
_SCRIPT, _STYLE = (Path(__file__).with_suffix(ending) for ending in (".js", ".css"))


@dataclass(frozen=True)
class Column:
    """A metric; ``per_picture``: whether each picture has a value of its own."""

    key: str
    label: str
    higher_is_better: bool
    places: int  # decimals
    per_picture: bool


@dataclass(frozen=True)
class Cell:
    """A score, its standard error, and the same of each class or channel."""

    value: float
    error: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class RunColumn:
    """``scores``: key of a metric -> score; ``notes``: what has to be known beside the numbers."""

    name: str
    scores: Mapping[str, Cell]
    notes: Sequence[str] = ()


@dataclass
class PictureRow:
    """``shown``: input, target or name of a run -> path relative to the page.

    ``values``: name of a run -> key of a metric -> value.
    """

    name: str
    shown: dict[str, str] = field(default_factory=dict)
    values: dict[str, Mapping[str, float]] = field(default_factory=dict)


def write_evaluation_page(
    path: Path,
    title: str,
    facts: str,
    columns: Sequence[Column],
    runs: Sequence[RunColumn],
    pictures: Sequence[PictureRow],
) -> None:
    """``facts``: lines under the title. Names are escaped, paths percent-encoded."""
    data = {
        "metrics": [
            {"key": it.key, "label": it.label, "higher": it.higher_is_better, "places": it.places,
             "perPicture": it.per_picture}
            for it in columns
        ],
        "runs": [{"name": run.name} for run in runs],
        "pictures": [
            {"name": row.name, "shown": {label: url(src) for label, src in row.shown.items()},
             "values": {run: {key: number(value) for key, value in values.items()}
                        for run, values in row.values.items()}}
            for row in pictures
        ],
    }
    # "</script>" in a name would end the data.
    text = json.dumps(data).replace("<", "\\u003c")
    scores = _score_table(columns, runs) + _notes(runs)
    style = CSS.replace("WIDTH", "256px") + _STYLE.read_text(encoding="utf-8")
    write_text(path, _PAGE.format(
        title=escape(title), facts=escape(facts), css=style,
        scores=scores, viewer=_VIEWER if pictures else "", data=text,
        script=_SCRIPT.read_text(encoding="utf-8") if pictures else "",
    ))


def number(value: float) -> float | str:
    """As JSON can hold it: infinity as a word."""
    return value if math.isfinite(value) else str(value).replace("inf", "Infinity")


def written(value: float, places: int) -> str:
    return f"{value:.{places}f}" if math.isfinite(value) else "∞"


def _score_table(columns: Sequence[Column], runs: Sequence[RunColumn]) -> str:
    heads = "".join(f"<th scope=col>{escape(run.name)}</th>" for run in runs)
    rows = []
    for column in columns:
        cells = [run.scores.get(column.key) for run in runs]
        values = [cell.value for cell in cells if cell]
        best = (max if column.higher_is_better else min)(values) if values[1:] else None
        arrow = "↑" if column.higher_is_better else "↓"
        meaning = "higher is better" if column.higher_is_better else "lower is better"
        rows.append(
            f"<tr><th scope=row>{escape(column.label)} <abbr title='{meaning}'>{arrow}</abbr></th>"
            + "".join(_cell(cell, column, best) for cell in cells) + "</tr>"
        )
    return (f"<table class=scores><thead><tr><th></th>{heads}</tr></thead>"
            f"<tbody>{''.join(rows)}</tbody></table>")


def _cell(cell: Cell | None, column: Column, best: float | None) -> str:
    if cell is None:
        return "<td class=number>left out</td>"
    text = written(cell.value, column.places)
    text = f"<b>{text}</b>" if cell.value == best else text
    if cell.error is not None:
        text += f" <span class=error_bar>± {written(cell.error, column.places)}</span>"
    if cell.parts:
        parts = "".join(
            f"<li>{_swatch(name)}{escape(name)} {written(value, column.places)}</li>"
            for name, value in cell.parts.items()
        )
        opened = " open" if len(cell.parts) <= MOST_OPEN else ""
        text += f"<details{opened}><summary>parts</summary><ul>{parts}</ul></details>"
    return f"<td class=number>{text}</td>"


def _swatch(name: str) -> str:
    """A label without a name is called by its colour."""
    is_colour = len(name) == 7 and name.startswith("#")
    return f"<i style='background:{escape(name)}'></i> " if is_colour else ""


def _notes(runs: Sequence[RunColumn]) -> str:
    items = "".join(
        "<li>" + (f"<b>{escape(who)}</b>: " if who else "") + escape(note) + "</li>"
        for who, note in merge_equal_lines({run.name: run.notes for run in runs})
    )
    return f"<ul class=notes>{items}</ul>" if items else ""


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{css}</style></head><body>
<h1>{title}</h1><p class="status">{facts}</p>
{scores}
{viewer}
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body></html>
"""
_VIEWER = """
<section id="viewer"><h2>Compare</h2>
<div class="bar"><button type="button" id="previous" title="previous picture">←</button>
<button type="button" id="next" title="next picture">→</button> <b id="shown_name"></b></div>
<div class="bar"><label>left <select id="left"></select></label>
<label>right <select id="right"></select></label></div>
<div class="side_by_side"><div>
<div id="stage"><img id="under" alt="" draggable="false"><img id="over" alt="" draggable="false">
<div id="divider"></div></div>
<input type="range" id="slider" min="0" max="100" step="0.1" value="50"
 aria-label="how much of the left picture is shown">
</div><table id="shown_values"></table></div></section>
<section id="ranks"><h2>Worst and best</h2>
<div class="bar"><label>by <select id="rank_metric"></select></label>
<label>of <select id="rank_run"></select></label> <span id="strip_labels"></span></div>
<h3>Worst</h3><div class="grid" id="worst"></div>
<h3>Best</h3><div class="grid" id="best"></div></section>
<section><h2>All pictures</h2><div class="wide"><table id="all"></table></div></section>
"""
