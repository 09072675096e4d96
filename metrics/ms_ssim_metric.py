"""Multi-scale structural similarity (Wang et al. 2003), by torchmetrics."""

import torch

from metrics.base_metric import MeanMetric, Settings, package
from metrics.metric_image import MetricImage
from metrics.pixel_pairs import Unit, require_side, same_shape

# Each of the five scales halves the image, and the window of 11 pixels must fit the smallest one.
SMALLEST = 11 * 2**4


class MultiScaleSSIM(MeanMetric):
    """The five scales and weights of the paper; with fewer scales it would be another metric."""

    label = "MS-SSIM"
    higher_is_better = True
    perfect = 1.0

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        functional = package("torchmetrics.functional.image")
        self.similarity = functional.multiscale_structural_similarity_index_measure

    def measure(self, fake: MetricImage, real: MetricImage) -> float:
        a, b = (self._tensor(unit) for unit in same_shape(fake, real))
        require_side(real, SMALLEST, "its five scales")
        # A negative contrast would become NaN under the exponents; "relu" replaces it by 0.
        return float(self.similarity(a, b, data_range=1.0, normalize="relu"))

    def _tensor(self, unit: Unit) -> torch.Tensor:
        image = torch.tensor(unit, dtype=torch.float32, device=self.settings.device)
        return image.permute(2, 0, 1)[None]
