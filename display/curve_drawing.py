"""Draw the loss curves of a run for its page."""

import itertools
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from display.curves import Curves, Series, split_columns
from util.files import replacing

CURVES_SIZE_PX = (900, 620)
VALIDATION_PX = 150  # more height for each panel of validations
_PANEL_FACTOR = 5


def draw_curves(curves: Curves, path: Path) -> tuple[int, int]:
    """Write an SVG and return its width and height in pixels.

    Each loss is a thin raw line and a thick smoothed line. The panels below show the values of
    validations as dots, then the learning rate and the images per second, if ``curves`` have ``lr``
    and ``seconds``. Losses of very different size get two panels, or the large losses would flatten
    the small ones.
    """
    epochs, values = curves.thinned()
    loss_names, measured = split_columns(values)
    losses = {name: values[name] for name in loss_names}
    places, means = curves.known(*measured).thinned()
    rates = {"learning\nrate": values["lr"]} if "lr" in values else {}
    if "seconds" in values:
        rates["images/s"] = 1 / np.where(values["seconds"] > 0, values["seconds"], np.nan)
    panels = [("loss", 3.0, names) for names in split_by_size(losses)]
    panels += [("validation", 2.0, names) for names in split_by_size(means) if places.size]
    width = CURVES_SIZE_PX[0]
    height = CURVES_SIZE_PX[1] + VALIDATION_PX * sum(label == "validation" for label, *_ in panels)
    panels += [(label, 1.0, [label]) for label in rates]
    figure, rows = _stacked_axes((width, height), [share for _, share, _ in panels])
    colors = {name: f"C{number % 10}" for number, name in enumerate([*losses, *means])}
    for axes, (label, _, names) in zip(rows, panels, strict=True):
        axes.set_ylabel(label)
        for name in names:
            if name in losses:
                plot_smoothed(axes, epochs, losses[name], color=colors[name], label=name)
            elif name in means:
                axes.plot(places, means[name], ".-", color=colors[name], label=name, lw=1.2)
            else:
                dot = "." if len(epochs) == 1 else ""
                axes.plot(epochs, rates[name], color="0.45", lw=1.2, marker=dot)
                axes.set_ylim(bottom=0)
    figure.legend(loc="outside upper left", ncols=8, frameon=False)
    with replacing(path) as aside:
        figure.savefig(aside, format="svg")
    return width, height


def _stacked_axes(size_px: tuple[int, int], heights: Sequence[float]) -> tuple[Any, Any]:
    """Return a figure and its axes over the epochs, one below the other."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(size_px[0] / 100, size_px[1] / 100), layout="constrained")
    rows = figure.subplots(len(heights), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    tidy(rows)
    rows[-1].set_xlabel("epoch")
    rows[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure, rows


@cache
def warm_up() -> None:
    """Import matplotlib and find fonts before the training starts.

    In a background thread this would block the training for a second.
    """
    with tempfile.TemporaryDirectory() as folder:
        draw_curves(Curves([1.0], {"loss": [1.0]}), Path(folder) / "curves.svg")


def plot_smoothed(axes: Any, x: Series, values: Series, *, window: int = 0, **style: Any) -> None:
    """Draw a thin raw line and a thick line, the mean over ``window`` points on either side.

    ``window`` 0 is a 20th of all points.
    """
    smoothed = smooth(values, window=window or max(1, len(x) // 20))
    dot = "." if len(x) == 1 else ""  # a single point makes no line
    axes.plot(x, values, **style | {"label": None, "lw": 0.7, "alpha": 0.35, "marker": dot})
    axes.plot(x, smoothed, **style)


def tidy(rows: Any) -> None:
    """Draw a faint grid, and no top or right border."""
    for axes in rows:
        axes.margins(x=0.01)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)


def split_by_size(losses: Mapping[str, Series]) -> list[list[str]]:
    """Return the names in one group; in two, large and small, if their sizes have a gap of 5x."""
    sizes = {}
    for name, values in losses.items():
        known = np.abs(values[np.isfinite(values)])
        sizes[name] = max(float(np.median(known)), 1e-3) if known.size else 1e-3
    names = sorted(sizes, key=sizes.__getitem__, reverse=True)
    factors = [sizes[large] / sizes[small] for large, small in itertools.pairwise(names)]
    if not factors or max(factors) < _PANEL_FACTOR:
        return [list(losses)]
    large = names[: factors.index(max(factors)) + 1]
    return [[name for name in losses if (name in large) is wanted] for wanted in (True, False)]


def smooth(values: Series, *, window: int) -> Series:
    """Return the mean over ``window`` points before and after each point; NaN is ignored."""
    kernel = np.ones(2 * window + 1)
    known = np.isfinite(values)
    total = np.convolve(np.where(known, values, 0.0), kernel)[window:-window]
    count = np.convolve(known.astype(float), kernel)[window:-window].round()
    return np.where(known, total / np.maximum(count, 1.0), np.nan)
