"""Similarity of the colours of two sets: histograms in CIE Lab (pix2pix, figure 6)."""

from statistics import fmean

import numpy as np
import numpy.typing as npt

from metrics.base_metric import Metric, Score, Settings, UndefinedError
from metrics.metric_image import MaybeImage, MetricImage

# Bins of one unit of Lab. The paper does not give its bins: compare only numbers of this program.
BINS = {"L": (0, 100), "a": (-128, 128), "b": (-128, 128)}
Histograms = dict[str, npt.NDArray[np.float64]]  # channel -> [bins]


class LabHistogram(Metric):
    """The intersection of the histograms of all outputs and all targets, averaged over L, a and b.

    Histogram intersection: Swain and Ballard 1991.
    """

    label = "Lab histograms"
    higher_is_better = True
    perfect = 1.0
    paired = False
    per_picture = False

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.made, self.real = _zeros(), _zeros()
        self.counts = [0, 0]

    def add(self, fake: MaybeImage, real: MaybeImage, given: MaybeImage = None) -> None:
        # Both are computed before one is added: if one is refused, the pair does not count.
        sides = [_histograms(image) if image else None for image in (fake, real)]
        for side, (histograms, total) in enumerate(zip(sides, (self.made, self.real), strict=True)):
            if histograms:
                self.counts[side] += 1
                for name, shares in histograms.items():
                    total[name] += shares

    def score(self) -> Score:
        """Return the score; every image has the same weight, whatever its size."""
        fakes, reals = self.counts
        if not fakes or not reals:
            raise UndefinedError(f"needs outputs and targets, got {fakes} and {reals}")
        parts = {name: float(np.minimum(self.made[name] / fakes, self.real[name] / reals).sum())
                 for name in BINS}
        return Score(fmean(parts.values()), fakes, parts=parts)


def _zeros() -> Histograms:
    return {name: np.zeros(high - low) for name, (low, high) in BINS.items()}


def _histograms(image: MetricImage) -> Histograms:
    from skimage.color import rgb2lab

    if image.channels != 3:
        raise UndefinedError(f"compares RGB colours, this image has {image.kind}")
    lab = rgb2lab(image.unit.clip(0, 1)).reshape(-1, 3)
    return {
        name: np.histogram(values.clip(low, high), bins=high - low, range=(low, high))[0] / len(lab)
        for (name, (low, high)), values in zip(BINS.items(), lab.T, strict=True)
    }
