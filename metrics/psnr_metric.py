"""Peak signal-to-noise ratio (dB): the mean squared difference on a logarithmic scale."""

import math

import numpy as np

from metrics.base_metric import MeanMetric
from metrics.picture import Picture
from metrics.pixel_pairs import same_shape


class PSNR(MeanMetric):
    """Of every picture by itself, then the mean; the peak is the range of the values."""

    label = "PSNR (dB)"
    higher_is_better = True
    perfect = math.inf
    places = 2

    def measure(self, fake: Picture, real: Picture) -> float:
        a, b = same_shape(fake, real)
        error = float(np.square(a - b).mean())
        return -10 * math.log10(error) if error else math.inf
