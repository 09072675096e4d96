"""Loss curves: read them back from losses.csv, thin them, draw them."""

import csv
import itertools
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from util.files import replacing

Floats = npt.NDArray[np.float64]

_NOT_LOSSES = ("epoch", "images", "epoch_images", "lr", "seconds", "data_share")
CURVES_SIZE_PX = (900, 480)
_POINTS = 1000  # more than a screen has columns for
_PANEL_FACTOR = 5


@dataclass
class Curves:
    """Losses over the epoch with its fraction: 3.5 is the middle of epoch 3."""

    epochs: list[float] = field(default_factory=list)
    losses: dict[str, list[float]] = field(default_factory=dict)

    def add(self, epoch: float, losses: Mapping[str, float]) -> None:
        """Append a point. A loss that is new gets NaN for the past, a missing one NaN for now."""
        for name in losses:
            self.losses.setdefault(name, [float("nan")] * len(self.epochs))
        self.epochs.append(epoch)
        for name, values in self.losses.items():
            values.append(losses.get(name, float("nan")))

    def thinned(self, points: int = _POINTS) -> tuple[Floats, dict[str, Floats]]:
        """At most ``points`` points, each the mean of its neighbours; non-finite becomes NaN."""
        size = -(-len(self.epochs) // points) if self.epochs else 1
        losses = {name: _bin_means(np.array(values), size) for name, values in self.losses.items()}
        return _bin_means(np.array(self.epochs), size), losses


def read_curves(
    path: Path, *, epoch_size: int, before: float = math.inf, columns: Collection[str] = ()
) -> Curves:
    """The curves in a losses.csv; empty where there is no such file. No ``columns``: the losses.

    Rows stand in time by their epoch and its fraction, because images count from 0 again in a run
    that goes on from weights alone. A run that resumes from an older state repeats a stretch: the
    newer rows replace the older. ``before``: leave out rows after this position. Torn lines, which
    a killed run can leave, are passed over.
    """
    curves = Curves()
    if not path.exists():
        return curves
    kept: list[tuple[float, dict[str, float]]] = []
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            try:
                epoch = _position(row, epoch_size)
                names = columns or [name for name in row if name not in _NOT_LOSSES]
                losses = {name: float(row[name]) for name in names}
            except (ValueError, TypeError, KeyError):
                continue
            while kept and kept[-1][0] >= epoch:
                kept.pop()
            if epoch <= before:
                kept.append((epoch, losses))
    for epoch, losses in kept:
        curves.add(epoch, losses)
    return curves


def draw_curves(curves: Curves, path: Path) -> None:
    """Write an SVG: for every loss a thin raw line and a thick smoothed one.

    Losses of very different size get a panel each, or the large one would flatten the small.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    epochs, losses = curves.thinned()
    panels = split_by_size(losses)
    width, height = CURVES_SIZE_PX
    figure = Figure(figsize=(width / 100, height / 100), layout="constrained")
    rows = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    colors = {name: f"C{number % 10}" for number, name in enumerate(losses)}
    for axes, names in zip(rows, panels, strict=True):
        for name in names:
            smoothed = smooth(losses[name], window=max(1, len(epochs) // 20))
            dot = "." if len(epochs) == 1 else ""  # a lone point makes no line
            axes.plot(epochs, losses[name], color=colors[name], lw=0.7, alpha=0.35, marker=dot)
            axes.plot(epochs, smoothed, color=colors[name], label=name)
        axes.margins(x=0.01)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_ylabel("loss")
    rows[-1].set_xlabel("epoch")
    rows[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside upper left", ncols=8, frameon=False)
    with replacing(path) as aside:
        figure.savefig(aside, format="svg")


def split_by_size(losses: Mapping[str, Floats]) -> list[list[str]]:
    """The names in one group; or in two, large and small, if a factor of 5 or more parts them."""
    sizes = {name: _typical_size(values) for name, values in losses.items()}
    names = sorted(sizes, key=lambda name: sizes[name], reverse=True)
    factors = [sizes[large] / sizes[small] for large, small in itertools.pairwise(names)]
    if not factors or max(factors) < _PANEL_FACTOR:
        return [list(losses)]
    large = names[: factors.index(max(factors)) + 1]
    return [[name for name in losses if (name in large) is wanted] for wanted in (True, False)]


def _typical_size(values: Floats) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return max(float(np.median(finite)), 1e-3) if finite.size else 1e-3


def smooth(values: Floats, *, window: int) -> Floats:
    """Mean over ``window`` points before and after each one; NaN counts for nothing."""
    kernel = np.ones(2 * window + 1)
    known = np.isfinite(values)
    total = np.convolve(np.where(known, values, 0.0), kernel)[window:-window]
    count = np.convolve(known.astype(float), kernel)[window:-window].round()
    means: Floats = np.where(known, total / np.maximum(count, 1.0), np.nan)
    return means


def _bin_means(values: Floats, size: int) -> Floats:
    values = np.where(np.isfinite(values), values, np.nan)
    if size == 1:
        return values
    means = [values[start : start + size] for start in range(0, len(values), size)]
    finite = [part[np.isfinite(part)] for part in means]
    return np.array([part.mean() if part.size else np.nan for part in finite])


def _position(row: Mapping[str, str], epoch_size: int) -> float:
    """The epoch with its fraction, 0 < fraction <= 1.

    Older files have no ``epoch_images``: there the run is taken to have begun with epoch 1.
    """
    if "epoch_images" in row:
        epoch_images = int(row["epoch_images"])
    else:
        epoch_images = (int(row["images"]) - 1) % epoch_size + 1
    return int(row["epoch"]) + epoch_images / epoch_size
