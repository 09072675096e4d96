"""Multi-scale structural similarity (Wang et al. 2003), by torchmetrics."""

import torch

from metrics.base_metric import MeanMetric, Settings, package
from metrics.picture import Picture
from metrics.pixel_pairs import Unit, require_side, same_shape

# Five scales, each half of the last, and a window of 11 pixels has to fit into the smallest.
SMALLEST = 11 * 2**4


class MultiScaleSSIM(MeanMetric):
    """The five scales and weights of the paper; fewer scales would be another measure."""

    label = "MS-SSIM"
    higher_is_better = True
    perfect = 1.0

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        functional = package("torchmetrics.functional.image")
        self.similarity = functional.multiscale_structural_similarity_index_measure

    def measure(self, fake: Picture, real: Picture) -> float:
        a, b = (self._tensor(unit) for unit in same_shape(fake, real))
        require_side(real, SMALLEST, "its five scales")
        # Negative contrast would become NaN under the exponents; "relu" takes it as 0.
        return float(self.similarity(a, b, data_range=1.0, normalize="relu"))

    def _tensor(self, unit: Unit) -> torch.Tensor:
        return torch.from_numpy(unit).permute(2, 0, 1)[None].to(self.settings.device, torch.float32)
