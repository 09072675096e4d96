"""Agreement of label maps: counts of pixels by real and output class, and the scores of them.

The scores are those of FCN (Long et al. 2015, section 5), as pix2pix reports them.
"""

from statistics import fmean

import numpy as np
import numpy.typing as npt

from metrics.base_metric import Metric, MissingError, Score, Settings, UndefinedError
from metrics.metric_image import MaybeImage
from metrics.palette import Classes, Palette
from metrics.pixel_pairs import levels

Confusion = npt.NDArray[np.int64]  # [K, K] pixels: the row is the real class, the column the output


def confusion(real: Classes, fake: Classes, count: int) -> Confusion:
    """Count pixels of ``count`` classes; pixels whose real class is negative do not count."""
    known = real >= 0
    pairs = real[known] * count + fake[known]
    return np.bincount(pairs, minlength=count**2).reshape(count, count).astype(np.int64)


def pixel_accuracy(counts: Confusion) -> float:
    """Return the share of pixels that have their real class."""
    return float(counts.trace() / counts.sum())


def class_accuracies(counts: Confusion) -> dict[int, float]:
    """Return, for each class of the targets, the share of its pixels with that class."""
    real = counts.sum(axis=1)
    return {k: float(counts[k, k] / real[k]) for k in range(len(counts)) if real[k]}


def class_ious(counts: Confusion) -> dict[int, float]:
    """Return the intersection over union of each class that occurs on either side."""
    union = counts.sum(axis=0) + counts.sum(axis=1) - counts.diagonal()
    return {k: float(counts[k, k] / union[k]) for k in range(len(counts)) if union[k]}


class LabelMetric(Metric):
    """A score of all pixels of the set, not the mean of the scores of the images."""

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

    def parts(self, counts: Confusion) -> dict[int, float]:
        """Return the score of each class, if the metric has them."""
        return {}

    def of_counts(self, counts: Confusion) -> float:
        """Return the score: the mean of its parts, unless a metric overrides this."""
        return fmean(self.parts(counts).values())

    def add(self, fake: MaybeImage, real: MaybeImage, given: MaybeImage = None) -> float:
        assert fake is not None and real is not None
        made, wanted = levels(fake, real)
        counts = confusion(self.palette.classes_of(real, wanted),
                           self.palette.classes_of(fake, made), len(self.palette))
        self.counts += counts
        self.pictures += 1
        return self.of_counts(counts)

    def score(self) -> Score:
        if not self.pictures:
            raise UndefinedError("needs at least 1 pair, got none")
        parts = {self.palette.name(k): value for k, value in self.parts(self.counts).items()}
        return Score(self.of_counts(self.counts), self.pictures, parts=parts)
