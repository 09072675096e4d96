"""How well label maps agree: counts of pixels by real and made class, and what follows of them.

The scores are those of FCN (Long et al. 2015, section 5), as pix2pix reports them.
"""

from abc import abstractmethod

import numpy as np
import numpy.typing as npt

from metrics.base_metric import Metric, MissingError, Score, Settings, UndefinedError
from metrics.palette import Classes, Palette
from metrics.picture import Picture
from metrics.pixel_pairs import levels

Confusion = npt.NDArray[np.int64]  # [K, K]: row the real class, column the made one; pixels


def confusion(real: Classes, fake: Classes, count: int) -> Confusion:
    """``count``: of classes. Pixels whose real class is negative do not count."""
    known = real >= 0
    pairs = real[known] * count + fake[known]
    return np.bincount(pairs, minlength=count**2).reshape(count, count).astype(np.int64)


def pixel_accuracy(counts: Confusion) -> float:
    """The share of pixels that have their real class."""
    return float(counts.trace() / counts.sum())


def class_accuracies(counts: Confusion) -> dict[int, float]:
    """Class -> share of its real pixels that were made so; only classes that really occur."""
    real = counts.sum(axis=1)
    return {k: float(counts[k, k] / real[k]) for k in range(len(counts)) if real[k]}


def class_ious(counts: Confusion) -> dict[int, float]:
    """Class -> intersection over union; only classes that occur on either side."""
    union = counts.sum(axis=0) + counts.sum(axis=1) - counts.diagonal()
    return {k: float(counts[k, k] / union[k]) for k in range(len(counts)) if union[k]}


class LabelMetric(Metric):
    """A score of all pixels of the set: not the mean of the pictures' scores."""

    higher_is_better = True
    perfect = 1.0
    needs_palette = True

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        if settings.palette is None:
            raise MissingError(f"is for label maps, and {settings.no_palette}")
        self.palette: Palette = settings.palette
        self.counts = np.zeros((len(self.palette), len(self.palette)), np.int64)
        self.pictures = 0

    @abstractmethod
    def of_counts(self, counts: Confusion) -> float:
        """The score."""

    def parts(self, counts: Confusion) -> dict[int, float]:
        """Class -> its part of the score, where it has parts."""
        return {}

    def add(
        self, fake: Picture | None, real: Picture | None, given: Picture | None = None
    ) -> float:
        assert fake is not None and real is not None
        made, wanted = levels(fake, real)
        counts = confusion(
            self.palette.classes_of(real, wanted), self.palette.classes_of(fake, made),
            len(self.palette),
        )
        self.counts += counts
        self.pictures += 1
        return self.of_counts(counts)

    def score(self) -> Score:
        if not self.pictures:
            raise UndefinedError("needs at least 1 pair, got none")
        parts = {self.palette.name(k): value for k, value in self.parts(self.counts).items()}
        return Score(self.of_counts(self.counts), self.pictures, parts=parts)
