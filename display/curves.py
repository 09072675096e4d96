"""Loss curves, and how they are thinned."""

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress

import numpy as np
import numpy.typing as npt

Series = npt.NDArray[np.float64]  # [points]

OTHER_VALUES = ("lr", "seconds", "data_share")  # columns of losses.csv that are not losses
POINTS = 1000  # more than a screen has columns


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
            values.append(math.nan if value is None else marked(value))

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

    def thinned(self, points: int = POINTS) -> tuple[Series, dict[str, Series]]:
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

    def mean(self) -> tuple[float, dict[str, float]]:
        """Return the mean position, and the mean of each loss that has values."""
        means = {name: _mean(values) for name, values in self.losses.items()}
        return _mean(self.epochs), _known(means)


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


def marked(value: float) -> float:
    """Return infinity for a value that is not finite: NaN means that there is no value."""
    return value if math.isfinite(value) else math.inf
