"""Structural similarity (Wang et al. 2004), by scikit-image with the paper's window."""

from metrics.base_metric import MeanMetric
from metrics.metric_image import MetricImage
from metrics.pixel_pairs import require_side, same_shape

WINDOW = 11  # pixels: a Gaussian of sigma 1.5, cut at 3.5 sigma


class SSIM(MeanMetric):
    """The mean over the channels; values may have any range."""

    label = "SSIM"
    higher_is_better = True
    perfect = 1.0

    def measure(self, fake: MetricImage, real: MetricImage) -> float:
        from skimage.metrics import structural_similarity

        a, b = same_shape(fake, real)
        require_side(real, WINDOW, "its window")
        return float(structural_similarity(a, b, data_range=1.0, channel_axis=2,
                                           gaussian_weights=True, sigma=1.5,
                                           use_sample_covariance=False))
