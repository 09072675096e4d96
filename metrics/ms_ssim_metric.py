"""Multi-scale structural similarity (Wang et al. 2003), by torchmetrics."""

from dataclasses import replace

import torch

from metrics.base_metric import MeanMetric, Score, Settings, package
from metrics.metric_image import MetricImage
from metrics.pixel_pairs import Unit, require_all_pixels, require_side, same_shape

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, the finest first (section 3.2)
WINDOW = 11  # pixels; each scale halves the image, and the window must fit the smallest one
FEWEST = 3  # scales


def scales_for(side: int) -> int:
    """Return how many scales images of this shorter side (pixels) allow, ``FEWEST`` to 5."""
    return next((count for count in range(len(WEIGHTS), FEWEST, -1)
                 if side >= smallest_side(count)), FEWEST)


def smallest_side(scales: int) -> int:
    """Return the shorter side (pixels) from which so many scales can be computed."""
    halvings = scales - 1
    return WINDOW * max(1 << halvings, halvings**2)  # torchmetrics asks for the square


class MultiScaleSSIM(MeanMetric):
    """The five scales and weights of the paper, or fewer for small images, under another name.

    All images of all sets have the same number of scales: that of ``settings.side``, or of the
    first image. With fewer than five, the weights of the finest scales are divided by their sum.
    """

    label = "MS-SSIM"
    higher_is_better = True
    perfect = 1.0
    needs_side = True

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        functional = package("torchmetrics.functional.image")
        self.similarity = functional.multiscale_structural_similarity_index_measure
        self.scales = scales_for(settings.side) if settings.side else None

    def measure(self, fake: MetricImage, real: MetricImage) -> float:
        a, b = (self._tensor(unit) for unit in same_shape(fake, real))
        require_all_pixels(fake, real)
        self.scales = self.scales or scales_for(min(real.size))
        require_side(real, smallest_side(self.scales), f"{self.scales} scales")
        weights = WEIGHTS[: self.scales]
        total = 1 if self.scales == len(WEIGHTS) else sum(weights)  # the paper's add up to 1.0001
        # A negative contrast would become NaN under the exponents; "relu" replaces it by 0.
        return float(self.similarity(a, b, data_range=1.0, normalize="relu",
                                     betas=tuple(weight / total for weight in weights)))

    def score(self) -> Score:
        score = super().score()
        if self.scales in (None, len(WEIGHTS)):
            return score
        note = (f"{self.scales} of the paper's 5 scales fit these images; do not compare it with "
                "other numbers of scales")
        return replace(score, notes=(*score.notes, note), variant=f"{self.scales} scales")

    def _tensor(self, unit: Unit) -> torch.Tensor:
        image = torch.tensor(unit, dtype=torch.float32, device=self.settings.device)
        return image.permute(2, 0, 1)[None]
