"""Draw the loss curves of a run for its page."""

import io
import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from display.curves import OTHER_VALUES, Curves, Series
from display.loss_groups import Chart, LineStyle, charts, line_styles, split_columns
from util.files import replacing, write_text

PANEL_PX = (440, 230)  # width and height of a chart
SPEED = "images/s"  # a column computed from the column ``seconds``
_MARGIN_PX = {"left": 62, "right": 12, "bottom": 40, "top": 26}  # without the legend
_LEGEND_LINE_PX = 18
_TITLE_PX = 32
_RATES = {"lr": "learning rate", SPEED: "images per second", "seconds": "seconds per image",
          "data_share": "share of the time spent waiting for images"}
DASHES = {"solid": "-", "dash": (0, (4, 1.5)), "dot": (0, (1, 1)), "dashdot": (0, (4, 1, 1, 1))}
_FEW_POINTS = 20  # curves with fewer points are drawn with dots, and are not smoothed
_LEGEND_LETTERS = 50  # number of letters that fit into a line above a chart


def draw_curves(curves: Curves, path: Path, *, narrow: Path | None = None) -> list[tuple[int, int]]:
    """Write an SVG; return its width and height in pixels, and those of ``narrow`` if it is given.

    The losses are followed by the values of validations, and by the learning rate and the images
    per second, if ``curves`` have ``lr`` and ``seconds``. ``narrow`` has the same charts below each
    other.
    """
    losses, values = split_columns(curves.losses)
    names = losses + values + [shown for column, shown in (("lr", "lr"), ("seconds", SPEED))
              if column in curves.losses]
    figure, cell = draw_figure(curves, names)
    count, columns = len(figure.axes), min(2, len(figure.axes))
    with replacing(path) as aside:
        figure.savefig(aside, format="svg", transparent=True)
    if narrow:
        write_text(narrow, _in_one_column(path.read_text(encoding="utf-8"), count, cell))
    sizes = [(columns * cell[0], -(-count // columns) * cell[1]), (cell[0], count * cell[1])]
    return sizes if narrow else sizes[:1]


def draw_figure(
    curves: Curves, names: Sequence[str], *, title: str = "", label: str = "epoch", window: int = 0
) -> tuple[Any, tuple[int, int]]:
    """Return a figure of the columns ``names``, and the size of the cell of each chart in pixels.

    Each group of losses has a chart, so that large losses do not flatten small ones. Each loss is a
    thin raw line and a thick smoothed line; crosses mark values that were not finite.
    """
    rates = [name for name in names if name in (*OTHER_VALUES, SPEED)]
    panels: list[Chart | str] = [*charts(curves, [n for n in names if n not in rates]), *rates]
    lines = max((_legend_lines(panel) for panel in panels if isinstance(panel, Chart)), default=1)
    cell = PANEL_PX[0], PANEL_PX[1] + lines * _LEGEND_LINE_PX
    figure, axes_of = _panel_grid(len(panels), cell, legend_lines=lines, title=title)
    styles = line_styles(curves.losses)
    for axes, panel in zip(axes_of, panels, strict=True):
        axes.set_xlabel(label, fontsize=9, labelpad=1)
        if isinstance(panel, Chart):
            _draw_chart(axes, panel, styles, window=window)
        else:
            _draw_rate(axes, panel, curves)
    if label == "epoch" and curves.epochs:  # whole epochs, also for a run of one
        first, last = math.ceil(curves.epochs[0]) - 1, math.ceil(curves.epochs[-1])
        axes_of[0].set_xlim(first, last + 0.015 * (last - first))
    return figure, cell


def _panel_grid(
    count: int, cell_px: tuple[int, int], *, legend_lines: int, title: str
) -> tuple[Any, list[Any]]:
    """Return a figure and its ``count`` axes, at most two in a row."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    columns = min(2, count)
    rows, head = -(-count // columns), _TITLE_PX if title else 0
    total = columns * cell_px[0], rows * cell_px[1] + head
    top = _MARGIN_PX["top"] + legend_lines * _LEGEND_LINE_PX
    side, end = _MARGIN_PX["left"] + _MARGIN_PX["right"], top + _MARGIN_PX["bottom"]
    figure = Figure(figsize=(total[0] / 100, total[1] / 100))
    # Fixed margins: a layout engine would draw everything twice.
    figure.subplots_adjust(
        left=_MARGIN_PX["left"] / total[0], right=1 - _MARGIN_PX["right"] / total[0],
        bottom=_MARGIN_PX["bottom"] / total[1], top=1 - (top + head) / total[1],
        wspace=side / (cell_px[0] - side), hspace=end / (cell_px[1] - end),
    )
    figure.text(8 / total[0], 1 - 8 / total[1], title, va="top", fontsize=12, parse_math=False)
    panels = list(figure.subplots(rows, columns, sharex=True, squeeze=False).flat)
    for axes in panels[count:]:
        axes.remove()
    tidy(panels[:count])
    for axes in panels[:count]:
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
        axes.xaxis.set_tick_params(labelbottom=True)
        axes.tick_params(labelsize=9)
    return figure, panels[:count]


def _in_one_column(svg: str, count: int, cell_px: tuple[int, int]) -> str:
    """Return the SVG with its second column of charts below the first, in their order."""
    width, height = (0.72 * side for side in cell_px)  # points
    for number in range(count):
        row, column = divmod(number, 2)
        moved = f'transform="translate({-column * width:g} {(number - row) * height:g})"'
        svg = svg.replace(f'<g id="axes_{number + 1}">', f'<g id="axes_{number + 1}" {moved}>')
    box = f'width="{width:g}pt" height="{count * height:g}pt" viewBox="0 0 {width:g} ' \
          f'{count * height:g}"'
    return re.sub(r'width="[\d.]+pt" height="[\d.]+pt" viewBox="[^"]*"', box, svg, count=1)


@cache
def warm_up() -> None:
    """Import matplotlib and find fonts before the training starts.

    In a background thread this would block the training for a second.
    """
    figure, _ = draw_figure(Curves([1.0], {"loss": [1.0]}), ["loss"])
    figure.savefig(io.BytesIO(), format="svg", transparent=True)


def _draw_chart(axes: Any, chart: Chart, styles: Mapping[str, LineStyle], *, window: int) -> None:
    """Draw all curves of a chart, with its title, its legend and its kind of scale."""
    for name, values in chart.values.items():
        style = {"color": styles[name].colour, "linestyle": DASHES[styles[name].dash]}
        if chart.title == "validation":
            axes.plot(chart.epochs, values, marker=".", lw=1.2, label=name, **style)
        else:
            plot_smoothed(axes, chart.epochs, values, window=window, label=name, **style)
        if name in chart.broken:
            places = chart.broken[name]
            axes.plot(places, np.zeros_like(places), "x", color=styles[name].colour, clip_on=False,
                      transform=axes.get_xaxis_transform(), label=f"{name} not finite")
    if chart.is_log:
        axes.set_yscale("log")
    legend = axes.legend(
        title=chart.title + " (log scale)" * chart.is_log, alignment="left", loc="lower left",
        ncols=-(-len(_labels(chart)) // _legend_lines(chart)), bbox_to_anchor=(-0.01, 1.0),
        fontsize=9, title_fontproperties={"size": 10, "weight": "bold"}, frameon=False,
        borderaxespad=0, handlelength=2.2, columnspacing=1.2)
    for text in legend.get_texts():
        label = text.get_text()
        text.set_parse_math(False)
        text.set_text(label if len(label) < 45 else f"{label[:41]}...")


def _labels(chart: Chart) -> list[str]:
    return [*chart.values, *(f"{name} not finite" for name in chart.broken)]


def _legend_lines(chart: Chart) -> int:
    labels = _labels(chart)
    columns = max(1, _LEGEND_LETTERS // (max(map(len, labels)) + 6))
    return -(-len(labels) // columns)


def plot_smoothed(axes: Any, x: Series, values: Series, *, window: int = 0, **style: Any) -> None:
    """Draw a thin raw line and a thick line, the mean over ``window`` points on either side.

    ``window`` 0 is a 20th of all points; a curve of few points is drawn as it is.
    """
    if not window and len(x) < _FEW_POINTS:
        axes.plot(x, values, marker=".", **style)
        return
    axes.plot(x, values, **style | {"label": None, "lw": 0.7, "alpha": 0.35, "linestyle": "-"})
    axes.plot(x, smooth(values, window=window or len(x) // 20), **style)


def _draw_rate(axes: Any, name: str, curves: Curves) -> None:
    column = "seconds" if name == SPEED else name
    epochs, values = curves.known(column).thinned()
    rate = values[column]
    if name == SPEED:
        rate = 1 / np.where(rate > 0, rate, np.nan)
    axes.plot(epochs, rate, color="0.45", lw=1.2, marker="." if len(epochs) < _FEW_POINTS else "")
    axes.set_ylim(bottom=0)
    axes.set_title(_RATES[name], loc="left", fontsize=10, fontweight="bold")


def tidy(rows: Sequence[Any]) -> None:
    """Draw a faint grid, and no top or right border."""
    for axes in rows:
        axes.margins(x=0.01)
        axes.grid(color="0.5", alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)


def smooth(values: Series, *, window: int) -> Series:
    """Return the mean over ``window`` points before and after each point; NaN is ignored."""
    kernel = np.ones(2 * window + 1)
    known = np.isfinite(values)
    total = np.convolve(np.where(known, values, 0.0), kernel)[window:-window]
    count = np.convolve(known.astype(float), kernel)[window:-window].round()
    return np.where(known, total / np.maximum(count, 1.0), np.nan)
