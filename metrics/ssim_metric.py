"""Structural similarity (Wang et al. 2004), by scikit-image with the paper's window."""

import numpy as np

from data.files.raster import Mask
from metrics.base_metric import MeanMetric, UndefinedError
from metrics.metric_image import MetricImage
from metrics.pixel_pairs import Unit, missing_pixels, require_side, same_shape

WINDOW = 11  # pixels: a Gaussian of sigma 1.5, cut at 3.5 sigma


class SSIM(MeanMetric):
    """The mean over the channels; values may have any range. Missing pixels are left out."""

    label = "SSIM"
    higher_is_better = True
    perfect = 1.0

    def measure(self, fake: MetricImage, real: MetricImage) -> float:
        from skimage.metrics import structural_similarity

        a, b = same_shape(fake, real)
        require_side(real, WINDOW, "its window")
        value, similar = structural_similarity(a, b, data_range=1.0, channel_axis=2,
                                               gaussian_weights=True, sigma=1.5,
                                               use_sample_covariance=False, full=True)
        missing = missing_pixels(fake, real)
        return float(value) if missing is None else _mean_of_known(similar, missing)


def _mean_of_known(similar: Unit, missing: Mask) -> float:
    """Return the mean over the windows that lie in the image and have no missing pixel."""
    from scipy.ndimage import maximum_filter

    border = WINDOW // 2
    usable = np.zeros(missing.shape, bool)
    usable[border:-border, border:-border] = True
    usable &= ~maximum_filter(missing, WINDOW)
    if not usable.any():
        raise UndefinedError(f"needs a window of {WINDOW} x {WINDOW} pixels that have values")
    return float(similar[usable].mean())
