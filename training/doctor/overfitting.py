"""Whether validation has stopped following the training."""

from collections import deque
from statistics import fmean

from training.doctor.diagnoses import Finding

_MEAN_OF = 3  # validations, since one alone jumps
LEAST_RISE = 0.01  # of the validation's value over its best, as a share of it
MOST_WIDER = 1.5  # times the distance between the two, as a quotient, at that best


class Gap:
    """A training loss and a value of the validation, both the smaller the better, in any units.

    After each validation, ``rise``: how far its value is above its best mean of three, as a share
    of it; ``fall``: how far the loss has come down since that best; ``wider``: how many times the
    quotient of the two has grown since.
    """

    def __init__(self) -> None:
        self._losses: list[float] = []  # since the last validation
        self._pairs: deque[tuple[float, float]] = deque(maxlen=_MEAN_OF)
        self._best = (0.0, float("inf"))
        self._now = self._best

    def add_loss(self, loss: float) -> None:
        self._losses.append(loss)

    def validated(self, name: str, value: float) -> Finding:
        """Judge by what has been added since the last validation, and ``value``, its ``name``."""
        self._pairs.append((fmean(self._losses), value))
        self._losses.clear()
        if len(self._pairs) < _MEAN_OF:
            return Finding("overfitting", None)
        losses, values = zip(*self._pairs, strict=True)
        self._now = fmean(losses), fmean(values)
        if self._now[1] < self._best[1]:
            self._best = self._now
        return Finding(
            "overfitting", self.rise > LEAST_RISE and self.wider > MOST_WIDER,
            f"{name} is {self.rise:.0%} above its best, while the loss of the training has fallen "
            f"by {self.fall:.0%} since",
            {f"rise of {name}": self.rise, "fall of the loss": self.fall, "gap": self.wider},
        )

    @property
    def rise(self) -> float:
        return self._now[1] / self._best[1] - 1 if self._best[1] > 0 else 0.0

    @property
    def fall(self) -> float:
        return 1 - self._now[0] / self._best[0] if self._best[0] > 0 else 0.0

    @property
    def wider(self) -> float:
        return (1 + self.rise) / (1 - self.fall) if self.fall < 1 else float("inf")
