"""Loss curves: follow a losses.csv as it grows, and thin the curves."""

import bisect
import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from display.reports import VALUE

Series = npt.NDArray[np.float64]  # [points]

_PLACE = ("epoch", "images", "epoch_images")
OTHER_VALUES = ("lr", "seconds", "data_share")  # columns of losses.csv that are not losses
_POINTS = 1000  # more than a screen has columns


@dataclass
class Curves:
    """Losses over the epoch with its fraction: 3.5 is the middle of epoch 3."""

    epochs: list[float] = field(default_factory=list)
    losses: dict[str, list[float]] = field(default_factory=dict)

    def add(self, epoch: float, losses: Mapping[str, float]) -> None:
        """Append a point. A new loss gets NaN for earlier points, a missing loss for this one."""
        for name in losses:
            self.losses.setdefault(name, [math.nan] * len(self.epochs))
        self.epochs.append(epoch)
        for name, values in self.losses.items():
            values.append(losses.get(name, math.nan))

    def forget_from(self, epoch: float) -> None:
        """Drop the points at ``epoch`` and later."""
        kept = bisect.bisect_left(self.epochs, epoch)
        for values in (self.epochs, *self.losses.values()):
            del values[kept:]

    def known(self, *names: str) -> "Curves":
        """Return the curves ``names``, at the points where at least one of them has a value."""
        rows = zip(*(self.losses[name] for name in names), strict=True)
        known = [any(map(math.isfinite, row)) for row in rows]
        losses = {name: [*compress(self.losses[name], known)] for name in names}
        return Curves([*compress(self.epochs, known)], losses)

    def thinned(self, points: int = _POINTS) -> tuple[Series, dict[str, Series]]:
        """Return at most ``points`` means of neighbouring points; infinity becomes NaN."""
        size = -(-len(self.epochs) // points) if self.epochs else 1
        losses = {name: _bin_means(np.array(values), size) for name, values in self.losses.items()}
        return _bin_means(np.array(self.epochs), size), losses


class CurveFile:
    """Follows a losses.csv that grows. Each row is read once, and ``curves`` keeps few points.

    ``curves`` has all columns: losses, values of validations and ``OTHER_VALUES``. A file with more
    than 2000 rows is thinned to 1000 to 2000 points.

    The position of a row is its epoch with the fraction, because a run that starts from the weights
    of another counts images from 0 again. A run that is resumed from an older checkpoint repeats a
    part of the curve; the newer rows replace the older ones. Incomplete lines, which a killed run
    can leave, are ignored.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begin(b"")

    def _begin(self, header: bytes) -> None:
        self.curves = Curves()
        self._header, self._offset = header, len(header)
        self._rows_per_point = 1
        self._pending = Curves()  # rows of the next point

    def update(self, *, epoch_size: int) -> int:
        """Read the rows that were added since the last call; return their size in bytes.

        If a file with other columns has replaced this one, read it from its start.
        """
        if not self._path.exists():
            return 0
        with self._path.open("rb") as file:
            header = file.readline()
            if header != self._header or self._path.stat().st_size < self._offset:
                self._begin(header)
            file.seek(self._offset)
            added = file.read()
        added = added[: added.rfind(b"\n") + 1]  # the last line may still be incomplete
        self._offset += len(added)
        columns = header.decode("utf-8").strip().split(",")
        for row in csv.DictReader(added.decode("utf-8").splitlines(), fieldnames=columns):
            with suppress(ValueError, TypeError):  # an incomplete line
                # Only values of validations may be empty.
                values = {name: float(row[name] or "nan" * name.startswith(VALUE))
                          for name in columns if name not in _PLACE}
                self._append(_position(row, epoch_size), values)
        return len(added)

    def _append(self, epoch: float, values: dict[str, float]) -> None:
        self._pending.forget_from(epoch)
        self.curves.forget_from(epoch)
        self._pending.add(epoch, values)
        if len(self._pending.epochs) < self._rows_per_point:
            return
        means = {name: _mean(rows) for name, rows in self._pending.losses.items()}
        self.curves.add(_mean(self._pending.epochs), means)
        self._pending = Curves()
        if len(self.curves.epochs) >= 2 * _POINTS:
            thinned, losses = self.curves.thinned(_POINTS)
            self.curves = Curves([*thinned], {name: [*means] for name, means in losses.items()})
            self._rows_per_point *= 2


def read_curves(path: Path, *, epoch_size: int, before: float = math.inf) -> Curves:
    """Return the curves of a losses.csv up to the position ``before``; see ``CurveFile``."""
    file = CurveFile(path)
    file.update(epoch_size=epoch_size)
    file.curves.forget_from(math.nextafter(before, math.inf))
    return file.curves


def split_columns(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the losses and the values of validations among the columns of a losses.csv."""
    shown = [name for name in names if name not in OTHER_VALUES]
    values = [name for name in shown if name.startswith(VALUE)]
    return [name for name in shown if name not in values], values


def _bin_means(values: Series, size: int) -> Series:
    """Return the means of ``size`` neighbours each, without values that are not finite."""
    padded = np.full(-(-len(values) // size) * size, np.nan)
    padded[: len(values)] = values
    means: Series = np.ma.masked_invalid(padded.reshape(-1, size)).mean(axis=1).filled(np.nan)
    return means


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan


def _position(row: Mapping[str, str], epoch_size: int) -> float:
    """Return the epoch with its fraction, 0 < fraction <= 1.

    Older files have no ``epoch_images``; the run is then assumed to have started with epoch 1.
    """
    is_old = "epoch_images" not in row
    images = (int(row["images"]) - 1) % epoch_size + 1 if is_old else int(row["epoch_images"])
    return int(row["epoch"]) + images / epoch_size
