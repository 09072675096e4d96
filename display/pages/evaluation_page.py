"""The page of an evaluation: the scores of all runs, every image to compare, worst and best first.

One HTML file that needs no network: data, style and script are in it. It links the images, which
stay in their folders, by relative paths.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from display.pages.contact_sheet import unbroken
from display.pages.html import add_links, new_document, raw, tag, url
from util.files import write_text
from util.text import merge_equal_lines

_JSON_WORDS = {"inf": "Infinity", "-inf": "-Infinity", "nan": "nan"}  # JSON has no such numbers
MOST_OPEN = 4  # a score with more parts than this shows them folded
_SCRIPT, _STYLE, _VIEWER = (Path(__file__).with_suffix(suffix).read_text(encoding="utf-8")
                            for suffix in (".js", ".css", ".html"))


@dataclass(frozen=True)
class Column:
    """A metric; ``per_picture``: whether each image has its own value."""

    key: str
    label: str
    higher_is_better: bool
    places: int  # decimals
    per_picture: bool


@dataclass(frozen=True)
class ScoreCell:
    """A score, its standard error, and the score of each class or channel."""

    value: float
    error: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class RunColumn:
    """``scores``: key of a metric -> score; ``notes``: remarks that explain the numbers."""

    name: str
    scores: Mapping[str, ScoreCell]
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
    path: Path, title: str, facts: str, *,
    columns: Sequence[Column], runs: Sequence[RunColumn], pictures: Sequence[PictureRow],
    key: str = "", links: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write the page; ``facts`` are lines below the title. ``key``: see ``key_of_page``.

    ``links``: text -> path relative to the page.
    """
    data = {"key": key,
            "metrics": [asdict(column) for column in columns],
            "runs": [{"name": run.name} for run in runs],
            "pictures": [
                {"name": row.name, "shown": {label: url(src) for label, src in row.shown.items()},
                 "values": {run: {key: value if math.isfinite(value) else _JSON_WORDS[str(value)]
                                  for key, value in values.items()}
                            for run, values in row.values.items()}}
                for row in pictures]}
    # "</script>" in a name would end the data.
    json_text = raw(json.dumps(data).replace("<", "\\u003c"))
    notes = [tag("li", [tag("b", who), ": "] if who else [], unbroken(note)) for who, note in
             merge_equal_lines({run.name: run.notes for run in runs})]
    page = new_document(title, width_px=256, css=_STYLE)
    viewer, script = (_VIEWER, _SCRIPT) if pictures else ("", "")
    page.add(tag("p", facts, cls="status"))
    add_links(page, links)
    page.add(_score_table(columns, runs),
             tag("ul", notes, cls="notes") if notes else [], raw(viewer))
    page.add(tag("script", json_text, type="application/json", id="data"),
             tag("script", raw(script)))
    write_text(path, page.render(pretty=False))


def key_of_page(path: Path) -> str | None:
    """Return the ``key`` that a page was written with, "" for another file, None for no file."""
    if not path.is_file():
        return None
    found = re.search(r'"key": "(\w+)"', path.read_text(encoding="utf-8", errors="replace"))
    return found[1] if found else ""


def _decimal(value: float, places: int) -> str:
    return f"{value:.{places}f}" if math.isfinite(value) else "∞"


def _score_table(columns: Sequence[Column], runs: Sequence[RunColumn]) -> Any:
    rows = []
    for column in columns:
        scores = [run.scores.get(column.key) for run in runs]
        values = [score.value for score in scores if score]
        best = (max if column.higher_is_better else min)(values) if values[1:] else None
        meaning, arrow = ("higher", "↑") if column.higher_is_better else ("lower", "↓")
        arrow_tag = tag("abbr", arrow, title=f"{meaning} is better")
        head = tag("th", f"{column.label} ", arrow_tag, scope="row")
        rows.append(tag("tr", head, (_cell(score, column, best) for score in scores)))
    names = (tag("th", run.name, scope="col") for run in runs)
    return tag("table", tag("thead", tag("tr", tag("th"), names)), tag("tbody", rows), cls="scores")


def _cell(score: ScoreCell | None, column: Column, best: float | None) -> Any:
    if score is None:
        return tag("td", "left out", cls="number")
    text = _decimal(score.value, column.places)
    cell = tag("td", tag("b", text) if score.value == best else text, cls="number")
    if score.error is not None:
        cell.add(" ", tag("span", f"± {_decimal(score.error, column.places)}", cls="error_bar"))
    if score.parts:
        items = [tag("li", _swatch(name), f"{name} {_decimal(value, column.places)}")
                 for name, value in score.parts.items()]
        is_open = len(score.parts) <= MOST_OPEN
        cell.add(tag("details", tag("summary", "parts"), tag("ul", items), open=is_open))
    return cell


def _swatch(name: str) -> list[Any]:
    """Return a square of colour for a class that has no name but its colour, such as #0030ff."""
    is_colour = len(name) == 7 and name.startswith("#")
    return [tag("i", style=f"background:{name}"), " "] if is_colour else []
