"""The table of the newest losses on the page of a run."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from display.latest import LatestValue
from display.loss_groups import LineStyle
from display.pages.html import raw, tag

_NONE, _MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
_DASH_ARRAYS = {"solid": "none", "dash": "6 3", "dot": "2 2", "dashdot": "6 2 2 2"}


def latest_table(
    rows: Sequence[LatestValue], styles: Mapping[str, LineStyle], *, epoch: str, note: str = ""
) -> Any:
    """Return the table; ``epoch``: the name of the epoch of the means, such as "epoch 3"."""
    head = tag("tr", [tag("th", text, scope="col") for text in
                      ("loss", "last", f"mean of {epoch}", "change")])
    lines = [tag("tr", tag("th", _sample(styles[row.name]), row.name, scope="row"),
                 _number(row.last), _number(row.mean), _percent(row.change)) for row in rows]
    table = tag("table", tag("thead", head), tag("tbody", lines), cls="latest")
    explained = "change: of the mean, since the epoch before."
    return tag("div", table, tag("p", " ".join(filter(None, (explained, note))), cls="status"))


def _sample(style: LineStyle) -> Any:
    """Return a short line in the style of the curve."""
    return raw(f'<svg class="sample" width="24" height="8" aria-hidden="true"><line x1="0" x2="24" '
               f'y1="4" y2="4" stroke="{style.colour}" stroke-width="2.5" '
               f'stroke-dasharray="{_DASH_ARRAYS[style.dash]}"/></svg>')


def _number(value: float) -> Any:
    if math.isinf(value):
        return tag("td", "not finite", cls="number broken")
    return tag("td", _NONE if math.isnan(value) else f"{value:.4g}", cls="number")


def _percent(change: float) -> Any:
    if not math.isfinite(change):
        return tag("td", _NONE, cls="number")
    sign = "+" if change > 0 else _MINUS if change < 0 else ""
    return tag("td", f"{sign}{abs(change):.1%}".replace("%", " %"), cls="number")
