"""Loss curves: follow a losses.csv as it grows, and thin the curves."""

import bisect
import csv
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import compress, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from display.latest import LatestValues
from display.reports import is_value

Series = npt.NDArray[np.float64]  # [points]

_PLACE = ("epoch", "images", "epoch_images")
OTHER_VALUES = ("lr", "seconds", "data_share")  # columns of losses.csv that are not losses
_POINTS = 1000  # more than a screen has columns


@dataclass
class Curves:
    """Losses over the number of epochs that are over: 2.5 is the middle of epoch 3.

    Infinity marks a value that was not finite, NaN a place without a value.
    """

    epochs: list[float] = field(default_factory=list)
    losses: dict[str, list[float]] = field(default_factory=dict)

    def add(self, epoch: float, losses: Mapping[str, float]) -> None:
        """Append a point. A new loss gets NaN for earlier points, a missing loss for this one."""
        for name in losses:
            self.losses.setdefault(name, [math.nan] * len(self.epochs))
        self.epochs.append(epoch)
        for name, values in self.losses.items():
            value = losses.get(name)
            values.append(math.nan if value is None else _marked(value))

    def values_at(self, index: int) -> dict[str, float]:
        """Return loss -> value of a point, without the losses that have none there."""
        return _known({name: values[index] for name, values in self.losses.items()})

    def forget_from(self, epoch: float) -> None:
        """Drop the points at ``epoch`` and later."""
        kept = bisect.bisect_left(self.epochs, epoch)
        for values in (self.epochs, *self.losses.values()):
            del values[kept:]

    def known(self, *names: str) -> "Curves":
        """Return the curves ``names``, at the points where at least one of them was reported."""
        rows = zip(*(self.losses[name] for name in names), strict=True)
        known = [not all(map(math.isnan, row)) for row in rows]
        losses = {name: [*compress(self.losses[name], known)] for name in names}
        return Curves([*compress(self.epochs, known)], losses)

    def thinned(self, points: int = _POINTS) -> tuple[Series, dict[str, Series]]:
        """Return at most ``points`` means of neighbouring points; infinity becomes NaN."""
        size = -(-len(self.epochs) // points) if self.epochs else 1
        losses = {name: _bin_means(np.array(values), size) for name, values in self.losses.items()}
        return _bin_means(np.array(self.epochs), size), losses

    def broken(self) -> dict[str, Series]:
        """Return loss -> positions at which its value was not finite; {} if all were."""
        epochs = np.array(self.epochs)
        found = {name: epochs[np.isinf(values)] for name, values in self.losses.items()}
        return {name: places for name, places in found.items() if places.size}

    def halved(self) -> "Curves":
        """Return the means of pairs of points; infinity if a value of the pair is not finite."""
        pairs = list(zip(self.epochs[::2], self.epochs[1::2], strict=False))
        losses = {name: [*map(_mean, zip(values[::2], values[1::2], strict=False))]
                  for name, values in self.losses.items()}
        return Curves([*map(_mean, pairs)], losses)


class CurveFile:
    """Follows a losses.csv that grows. Each row is read once, and ``curves`` keeps few points.

    ``curves`` has all columns: losses, values of validations and ``OTHER_VALUES``; ``latest`` the
    newest ones. A file with more than 2000 rows is thinned to 1000 to 2000 points.

    The position of a row is the number of epochs that are over, because a run that starts from the
    weights of another counts images from 0 again. A run that is resumed from an older checkpoint
    repeats a part of the curve; the newer rows replace the older ones. Incomplete lines, which a
    killed run can leave, are ignored.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begin(b"")

    def _begin(self, header: bytes) -> None:
        self.curves, self.latest = Curves(), LatestValues()
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
        rows = [*csv.DictReader(added.decode("utf-8").splitlines(), fieldnames=columns)]
        sizes = _epoch_sizes(rows, epoch_size)
        for row in rows:
            with suppress(ValueError, TypeError):  # an incomplete line
                if None in row.values():
                    continue
                # Values of validations are empty in the rows between two validations.
                values = {name: _marked(float(row[name])) for name in columns
                          if name not in _PLACE and (row[name] or not is_value(name))}
                epoch = int(row["epoch"])
                self._append(_position(row, sizes.get(epoch, epoch_size)), values)
                self.latest.add(epoch, values)
        return len(added)

    def _append(self, epoch: float, values: dict[str, float]) -> None:
        self._pending.forget_from(epoch)
        self.curves.forget_from(epoch)
        self._pending.add(epoch, values)
        if len(self._pending.epochs) < self._rows_per_point:
            return
        means = {name: _mean(rows) for name, rows in self._pending.losses.items()}
        self.curves.add(_mean(self._pending.epochs), _known(means))
        self._pending = Curves()
        if len(self.curves.epochs) >= 2 * _POINTS:
            self.curves = self.curves.halved()
            self._rows_per_point *= 2


def read_curves(path: Path, *, epoch_size: int, before: float = math.inf) -> Curves:
    """Return the curves of a losses.csv up to the position ``before``; see ``CurveFile``."""
    file = CurveFile(path)
    file.update(epoch_size=epoch_size)
    file.curves.forget_from(math.nextafter(before, math.inf))
    return file.curves


def _bin_means(values: Series, size: int) -> Series:
    """Return the means of ``size`` neighbours each, without values that are not finite."""
    padded = np.full(-(-len(values) // size) * size, np.nan)
    padded[: len(values)] = values
    means: Series = np.ma.masked_invalid(padded.reshape(-1, size)).mean(axis=1).filled(np.nan)
    return means


def _mean(values: Sequence[float]) -> float:
    if any(map(math.isinf, values)):
        return math.inf
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _known(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if not math.isnan(value)}


def _marked(value: float) -> float:
    """Return infinity for a value that is not finite: NaN means that there is no value."""
    return value if math.isfinite(value) else math.inf


def _epoch_sizes(rows: Iterable[Mapping[str, str]], epoch_size: int) -> dict[int, int]:
    """Return epoch -> its number of images, which is not constant if images were added.

    Every epoch ends with a row. A size that is not ``epoch_size`` is believed if several epochs
    have it, because an interrupted epoch may have no such row.
    """
    sizes: dict[int, int] = {}
    ends: dict[int, int] = {}
    for row in rows:
        with suppress(ValueError, TypeError, KeyError):
            epoch, images = int(row["epoch"]), int(row["epoch_images"])
            ends[epoch] = images
            sizes[epoch] = max(sizes.get(epoch, epoch_size), images)
    over = {epoch: ends[epoch] for epoch, following in pairwise(ends) if following == epoch + 1}
    counts = Counter(over.values())
    return sizes | {epoch: size for epoch, size in over.items() if counts[size] > 1}


def _position(row: Mapping[str, str], epoch_size: int) -> float:
    """Return the number of epochs that are over, with the fraction.

    Older files have no ``epoch_images``; the run is then assumed to have started with epoch 1.
    """
    is_old = "epoch_images" not in row
    images = (int(row["images"]) - 1) % epoch_size + 1 if is_old else int(row["epoch_images"])
    return int(row["epoch"]) - 1 + images / epoch_size
