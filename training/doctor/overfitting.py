"""Check whether the validation gets worse while the training loss still falls."""

from collections import deque
from statistics import fmean

from training.doctor.diagnoses import Finding

_MEAN_OF = 3  # validations, since a single value is noisy
LEAST_RISE = 0.01  # of the validation's value above its best, relative to it
MOST_WIDER = 1.5  # times the quotient of the two at that best


class OverfittingCheck:
    """Compares a training loss and a validation value; for both, smaller is better, in any units.

    After each validation, ``rise`` is how far its value is above its best mean of three, relative
    to it; ``fall``: how far the loss has fallen since that best; ``gap``: how many times the
    quotient of the two has grown since.
    """

    def __init__(self) -> None:
        self._losses: list[float] = []  # since the last validation
        self._pairs: deque[tuple[float, float]] = deque(maxlen=_MEAN_OF)
        self._best = (0.0, float("inf"))
        self._now = self._best

    def add_loss(self, loss: float) -> None:
        self._losses.append(loss)

    def check(self, name: str, value: float) -> Finding:
        """Compare the validation's ``value``, called ``name``, with the losses since the last one.
        """
        self._pairs.append((fmean(self._losses), value))
        self._losses.clear()
        if len(self._pairs) < _MEAN_OF:
            return Finding("overfitting", None)
        losses, values = zip(*self._pairs, strict=True)
        self._now = fmean(losses), fmean(values)
        if self._now[1] < self._best[1]:
            self._best = self._now
        return Finding(
            "overfitting", self.rise > LEAST_RISE and self.gap > MOST_WIDER,
            f"{name} is {self.rise:.0%} above its best, while the training loss has fallen by "
            f"{self.fall:.0%} since then",
            {f"rise of {name}": self.rise, "fall of the loss": self.fall, "gap": self.gap},
        )

    @property
    def rise(self) -> float:
        return self._now[1] / self._best[1] - 1 if self._best[1] > 0 else 0.0

    @property
    def fall(self) -> float:
        return 1 - self._now[0] / self._best[0] if self._best[0] > 0 else 0.0

    @property
    def gap(self) -> float:
        return (1 + self.rise) / (1 - self.fall) if self.fall < 1 else float("inf")
