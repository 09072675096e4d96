"""Mean squared difference of two images; black is 0 and white 1."""

import numpy as np

from metrics.base_metric import MeanMetric
from metrics.metric_image import MetricImage
from metrics.pixel_pairs import known_pixels


class MSE(MeanMetric):
    label = "MSE"
    higher_is_better = False
    perfect = 0.0
    places = 5

    def measure(self, fake: MetricImage, real: MetricImage) -> float:
        a, b = known_pixels(fake, real)
        return float(np.square(a - b).mean())
