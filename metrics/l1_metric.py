"""Mean absolute difference of two images; black is 0 and white 1."""

import numpy as np

from metrics.base_metric import MeanMetric
from metrics.metric_image import MetricImage
from metrics.pixel_pairs import same_shape


class L1(MeanMetric):
    label = "L1 (MAE)"
    higher_is_better = False
    perfect = 0.0

    def measure(self, fake: MetricImage, real: MetricImage) -> float:
        a, b = same_shape(fake, real)
        return float(np.abs(a - b).mean())
