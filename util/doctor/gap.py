"""Whether validation has stopped following the training."""

from collections import deque

_MEAN_OF = 3  # values, since one alone jumps


class Gap:
    """A training value and its validation value, both the smaller the better, in any units.

    After each pair, ``rise``: how far the validation is above its best mean of three, as a share
    of it; ``fall``: how far the training has come down since that best.
    """

    def __init__(self) -> None:
        self._pairs: deque[tuple[float, float]] = deque(maxlen=_MEAN_OF)
        self._best = (0.0, float("inf"))
        self._now = self._best

    def add(self, train: float, validation: float) -> bool:
        """Whether there are enough pairs to judge by."""
        self._pairs.append((train, validation))
        if len(self._pairs) < _MEAN_OF:
            return False
        trains, validations = zip(*self._pairs, strict=True)
        self._now = (sum(trains) / _MEAN_OF, sum(validations) / _MEAN_OF)
        if self._now[1] < self._best[1]:
            self._best = self._now
        return True

    @property
    def rise(self) -> float:
        return self._now[1] / self._best[1] - 1 if self._best[1] > 0 else 0.0

    @property
    def fall(self) -> float:
        return 1 - self._now[0] / self._best[0] if self._best[0] > 0 else 0.0
