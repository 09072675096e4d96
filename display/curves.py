"""Loss curves: read them back from losses.csv, follow it as it grows, thin them."""

import csv
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from display.reports import VALUE

Floats = npt.NDArray[np.float64]

_PLACE = ("epoch", "images", "epoch_images")
OTHER_VALUES = ("lr", "seconds", "data_share")  # columns of losses.csv that are no losses
_NOT_LOSSES = (*_PLACE, *OTHER_VALUES)
_POINTS = 1000  # more than a screen has columns for


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

    def forget_from(self, epoch: float) -> None:
        """Drop the points at ``epoch`` and later."""
        while self.epochs and self.epochs[-1] >= epoch:
            self.epochs.pop()
            for values in self.losses.values():
                values.pop()

    def known(self, *names: str) -> "Curves":
        """The curves ``names`` alone, at the points where one of them has a value."""
        there = [number for number in range(len(self.epochs))
                 if any(math.isfinite(self.losses[name][number]) for name in names)]
        return Curves(
            [self.epochs[number] for number in there],
            {name: [self.losses[name][number] for number in there] for name in names},
        )

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
                losses = {name: _number(name, row[name]) for name in names}
            except (ValueError, TypeError, KeyError):
                continue
            while kept and kept[-1][0] >= epoch:
                kept.pop()
            if epoch <= before:
                kept.append((epoch, losses))
    for epoch, losses in kept:
        curves.add(epoch, losses)
    return curves


class CurveFile:
    """Follows a losses.csv that grows: each row is read once, and a thinned curve is kept of it.

    ``curves`` has a value for every loss and for ``OTHER_VALUES``, in 1000 to 2000 points once
    there are so many rows. A stretch that a resumed run repeats is replaced, as in
    ``read_curves``, to within a point.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begin(b"")

    def _begin(self, header: bytes) -> None:
        self.curves = Curves()
        self._header = header
        self._offset = len(header)
        self._rows_per_point = 1
        self._pending: list[tuple[float, dict[str, float]]] = []  # rows of the next point

    def update(self, *, epoch_size: int) -> int:
        """Read the rows that were added since the last call; return how many bytes they are.

        A file that another with other columns has replaced is read from its start.
        """
        if not self._path.exists():
            return 0
        with self._path.open("rb") as file:
            header = file.readline()
            if header != self._header or self._path.stat().st_size < self._offset:
                self._begin(header)
            file.seek(self._offset)
            added = file.read()
        added = added[: added.rfind(b"\n") + 1]  # the last line may still be in the writing
        self._offset += len(added)
        columns = header.decode("utf-8").strip().split(",")
        for row in csv.DictReader(added.decode("utf-8").splitlines(), fieldnames=columns):
            try:
                values = {name: _number(name, row[name])
                          for name in columns if name not in _PLACE}
                self._take(_position(row, epoch_size), values)
            except (ValueError, TypeError):
                continue
        return len(added)

    def _take(self, epoch: float, values: dict[str, float]) -> None:
        self._pending = [point for point in self._pending if point[0] < epoch]
        self.curves.forget_from(epoch)
        self._pending.append((epoch, values))
        if len(self._pending) < self._rows_per_point:
            return
        epochs, rows = zip(*self._pending, strict=True)
        means = {name: _mean([row[name] for row in rows]) for name in values}
        self.curves.add(_mean(epochs), means)
        self._pending = []
        if len(self.curves.epochs) >= 2 * _POINTS:
            thinned, losses = self.curves.thinned(_POINTS)
            self.curves = Curves(
                thinned.tolist(), {name: values.tolist() for name, values in losses.items()}
            )
            self._rows_per_point *= 2


def split_validation(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Losses, and values of validations, which most points are without."""
    names = list(names)
    values = [name for name in names if name.startswith(VALUE)]
    return [name for name in names if name not in values], values


def _number(name: str, text: str) -> float:
    """Between validations their columns are empty; nothing else is."""
    return math.nan if text == "" and name.startswith(VALUE) else float(text)


def _bin_means(values: Floats, size: int) -> Floats:
    values = np.where(np.isfinite(values), values, np.nan)
    if size == 1:
        return values
    means = [values[start : start + size] for start in range(0, len(values), size)]
    finite = [part[np.isfinite(part)] for part in means]
    return np.array([part.mean() if part.size else np.nan for part in finite])


def _mean(values: Sequence[float]) -> float:
    return float(_bin_means(np.array(values), len(values))[0])


def _position(row: Mapping[str, str], epoch_size: int) -> float:
    """The epoch with its fraction, 0 < fraction <= 1.

    Older files have no ``epoch_images``: there the run is taken to have begun with epoch 1.
    """
    if "epoch_images" in row:
        epoch_images = int(row["epoch_images"])
    else:
        epoch_images = (int(row["images"]) - 1) % epoch_size + 1
    return int(row["epoch"]) + epoch_images / epoch_size
