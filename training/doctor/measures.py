"""Measures of images that separate failing generators from working ones.

Images are float32 [N, C, H, W] in -1..1, on any device; results are numbers on the host.
"""

import math
from collections import deque
from statistics import mean

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, cosine_similarity

from util.pixel_values import HALF_LEVELS, LUMA

THUMBNAIL_PX = 16
_SMALLEST_PX = 32  # in smaller images, the frequencies of a grid and its neighbours overlap
_ALIKE = 0.02  # standard deviation below which targets are too similar for a comparison
_FLAT = 1e-3  # standard deviation below which an image has no pattern to compare
_AROUND = 3  # frequencies on either side with which a peak is compared


def luminance(images: Tensor) -> Tensor:
    """[N, C, H, W] -> [N, H, W]: ITU-R BT.601 of three channels, else the mean of the channels."""
    if images.shape[1] != 3:
        return images.mean(dim=1)
    weights = torch.tensor(LUMA, device=images.device, dtype=images.dtype)
    return torch.einsum("nchw,c->nhw", images, weights)


def thumbnails(images: Tensor) -> Tensor:
    """[N, C, H, W] -> [N, C, 16, 16] on the host: means over equal areas."""
    return adaptive_avg_pool2d(images.float(), THUMBNAIL_PX).cpu()


def correlation(images: Tensor, partners: Tensor) -> list[float]:
    """Return Pearson's correlation of the luminance of each image and its partner, -1..1.

    Pairs with a flat image are skipped.
    """
    a, b = (luminance(side.float()).flatten(1) for side in (images, partners))
    kept = torch.stack([side.std(dim=1, correction=0) for side in (a, b)]).amin(dim=0) > _FLAT
    a, b = (side - side.mean(1, keepdim=True) for side in (a, b))
    return [float(value) for value in cosine_similarity(a, b)[kept]]


def grid_levels(images: Tensor) -> float:
    """Return the strength of a grid of 2 or 4 pixels in the luminance: grey levels of 255, RMS.

    Transposed convolutions leave such a grid (Odena et al. 2016, "Deconvolution and checkerboard
    artifacts"). In the spectrum it is a peak at those periods; the level of the frequencies nearby
    is subtracted.
    """
    grey = luminance(images.float()).cpu()
    sides = [side // 4 * 4 for side in grey.shape[-2:]]
    if min(sides) < _SMALLEST_PX:
        return 0.0
    grey = grey[..., : sides[0], : sides[1]]
    grey = grey - grey.mean(dim=(-2, -1), keepdim=True)
    window = torch.outer(*(torch.hann_window(side, periodic=True) for side in sides))
    power = torch.fft.fft2(grey * window, norm="forward").abs().square().mean(dim=0)
    rows, columns = ((0, side // 4, side // 2, 3 * side // 4) for side in sides)
    peaks = [_peak(power, y, x) for y in rows for x in columns if x or y]
    return HALF_LEVELS * math.sqrt(sum(peaks) / float(window.square().mean()))


def _peak(power: Tensor, y: int, x: int) -> float:
    """Return the power of a line in the spectrum above that of the frequencies around it."""
    rows = torch.arange(y - _AROUND, y + _AROUND + 1) % power.shape[0]
    columns = torch.arange(x - _AROUND, x + _AROUND + 1) % power.shape[1]
    near = power[rows][:, columns]
    line = torch.zeros_like(near, dtype=torch.bool)
    line[_AROUND - 1 : _AROUND + 2, _AROUND - 1 : _AROUND + 2] = True  # widened by the window
    around = near[~line].median()
    return max(0.0, float((near[line] - around).sum()))


class Spread:
    """How much the outputs differ from each other, relative to the targets.

    The images of one batch are compared, over the newest ``checks`` batches. Batches of a single
    image are compared with each other, although the generator has changed between them.
    """

    def __init__(self, checks: int) -> None:
        self._variances: deque[tuple[float, float]] = deque(maxlen=checks)
        self._singles: deque[tuple[Tensor, Tensor]] = deque(maxlen=checks)
        self._checks = checks

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Add a batch: [N, C, H, W] each."""
        small = (thumbnails(outputs), thumbnails(targets))
        if len(outputs) > 1:
            self._variances.append((_variance(small[0]), _variance(small[1])))
        else:
            self._singles.append(small)

    @property
    def ratio(self) -> float | None:
        """Return None while there are too few images, or if the targets are all alike."""
        if self._variances:
            enough = len(self._variances) >= self._checks // 2
            outputs, targets = (mean(side) for side in zip(*self._variances, strict=True))
        else:
            enough = len(self._singles) == self._checks
            stacks = [torch.cat(side) for side in zip(*self._singles, strict=True)]
            outputs, targets = (_variance(side) for side in stacks) if enough else (0.0, 0.0)
        return math.sqrt(outputs / targets) if enough and targets > _ALIKE**2 else None


def _variance(images: Tensor) -> float:
    """Return the variance over the images, averaged over all pixels."""
    return float(images.var(dim=0, unbiased=True).mean()) if len(images) > 1 else 0.0
