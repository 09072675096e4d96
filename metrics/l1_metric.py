"""Mean absolute difference of two images; black is 0 and white 1."""

from dataclasses import replace
from statistics import fmean

import numpy as np

from data.files.value_range import LEVELS
from metrics.base_metric import MeanMetric, Score, Settings
from metrics.metric_image import MetricImage
from metrics.pixel_pairs import known_pixels

IN_UNITS = "in file units"


class L1(MeanMetric):
    """If the numbers in the files are not those of bytes, a part gives the error in their units."""

    label = "L1 (MAE)"
    higher_is_better = False
    perfect = 0.0

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.in_units: list[float] = []  # Hounsfield units, millimetres, ...

    def measure(self, fake: MetricImage, real: MetricImage) -> float:
        a, b = known_pixels(fake, real)
        value = float(np.abs(a - b).mean())
        units = real.units or real.limits
        if units == (fake.units or fake.limits) != LEVELS:
            self.in_units.append(value * 2 * units.half)
        return value

    def score(self) -> Score:
        score = super().score()
        if len(self.in_units) < len(self.values):  # bytes, or types that differ
            return score
        return replace(score, parts={IN_UNITS: fmean(self.in_units)})
