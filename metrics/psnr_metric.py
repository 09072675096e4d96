"""Peak signal-to-noise ratio (dB): the mean squared difference on a logarithmic scale."""

import math

import numpy as np

from metrics.base_metric import MeanMetric
from metrics.metric_image import MetricImage
from metrics.pixel_pairs import known_pixels


class PSNR(MeanMetric):
    """The mean of the PSNR of each image; the peak is the range of the values."""

    label = "PSNR (dB)"
    higher_is_better = True
    perfect = math.inf
    places = 2

    def measure(self, fake: MetricImage, real: MetricImage) -> float:
        a, b = known_pixels(fake, real)
        error = float(np.square(a - b).mean())
        return -10 * math.log10(error) if error else math.inf
