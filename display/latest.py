"""The newest values of a run: the last one, the mean of the last epoch, and its change."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class LatestValue:
    """NaN: there is no such value."""

    name: str
    last: float
    mean: float  # of the last epoch
    change: float  # of the mean since the epoch before, relative to its absolute value


class LatestValues:
    """Adds up the rows of the last two epochs, so the means are exact however long the run is."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._sums: dict[int, dict[str, tuple[float, int]]] = {}  # epoch -> name -> sum, count

    @property
    def epoch(self) -> int:
        """Return the number of the last epoch; 0 if there are no values."""
        return max(self._sums, default=0)

    def add(self, epoch: int, values: Mapping[str, float]) -> None:
        """Add a row. Values that are not finite count as the last value, but not in a mean."""
        self._last |= values
        kept = sorted(number for number in {*self._sums, epoch} if number <= epoch)[-2:]
        self._sums = {number: self._sums.get(number, {}) for number in kept}
        sums = self._sums[epoch]
        for name, value in values.items():
            if math.isfinite(value):
                total, count = sums.get(name, (0.0, 0))
                sums[name] = total + value, count + 1

    def rows(self, names: Iterable[str]) -> list[LatestValue]:
        now, before = self._means(self.epoch), self._means(self.epoch - 1)
        rows = []
        for name in names:
            mean, earlier = now.get(name, math.nan), before.get(name, math.nan)
            change = (mean - earlier) / abs(earlier) if earlier else math.nan
            rows.append(LatestValue(name, self._last.get(name, math.nan), mean, change))
        return rows

    def _means(self, epoch: int) -> dict[str, float]:
        return {name: total / count for name, (total, count) in self._sums.get(epoch, {}).items()}
