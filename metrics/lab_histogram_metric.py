"""How alike the colours of two sets are: histograms in CIE Lab (pix2pix, figure 6)."""

from statistics import fmean

import numpy as np
import numpy.typing as npt

from metrics.base_metric import Metric, Score, Settings, UndefinedError
from metrics.picture import Picture

# One unit of Lab a bin. The paper does not give its own, so compare numbers of this program only.
BINS = {"L": (0, 100), "a": (-128, 128), "b": (-128, 128)}
Histograms = dict[str, npt.NDArray[np.float64]]  # channel -> [bins]


class LabHistogram(Metric):
    """Histogram of all pixels of all outputs against that of all targets, each channel by itself:
    the area that both share (Swain and Ballard 1991). The score is the mean of L, a and b.
    """

    label = "Lab histograms"
    higher_is_better = True
    perfect = 1.0
    paired = False
    per_picture = False

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.made, self.real = _nothing(), _nothing()
        self.counts = [0, 0]

    def add(
        self, fake: Picture | None, real: Picture | None, given: Picture | None = None
    ) -> None:
        # Both before either is kept: a pair counts whole or not at all.
        found = [None if picture is None else _histograms(picture) for picture in (fake, real)]
        for side, (histograms, total) in enumerate(zip(found, (self.made, self.real), strict=True)):
            if histograms is not None:
                self.counts[side] += 1
                for name, shares in histograms.items():
                    total[name] += shares

    def score(self) -> Score:
        """Every picture has the same weight, whatever its size."""
        fakes, reals = self.counts
        if not fakes or not reals:
            raise UndefinedError(f"needs outputs and targets, got {fakes} and {reals}")
        parts = {
            name: float(np.minimum(self.made[name] / fakes, self.real[name] / reals).sum())
            for name in BINS
        }
        return Score(fmean(parts.values()), fakes, parts=parts)


def _nothing() -> Histograms:
    return {name: np.zeros(high - low) for name, (low, high) in BINS.items()}


def _histograms(picture: Picture) -> Histograms:
    from skimage.color import rgb2lab

    if picture.channels != 3:
        raise UndefinedError(
            f"compares RGB colours, but {picture.name or 'one'} has {picture.kind}"
        )
    lab = rgb2lab(picture.unit.clip(0, 1)).reshape(-1, 3)
    return {
        name: np.histogram(values.clip(low, high), bins=high - low, range=(low, high))[0] / len(lab)
        for (name, (low, high)), values in zip(BINS.items(), lab.T, strict=True)
    }
