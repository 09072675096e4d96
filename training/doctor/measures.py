"""Measures of pictures that tell a sick generator from a healthy one.

Pictures are float32 [N, C, H, W] in -1..1, on any device; results are numbers on the host.
"""

import math
from collections import deque
from statistics import mean

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from util.pixel_values import HALF_LEVELS, LUMA

THUMBNAIL_PX = 16
_SMALLEST_PX = 32  # with fewer, the frequencies of a grid and those around it meet
_ALIKE = 0.02  # standard deviation below which targets are too much alike to tell anything
_FLAT = 1e-3  # standard deviation below which a picture has no pattern to compare
_AROUND = 3  # frequencies on either side that a peak is compared with


def luminance(pictures: Tensor) -> Tensor:
    """[N, C, H, W] -> [N, H, W]: by ITU-R BT.601 of three channels, the mean of any others."""
    if pictures.shape[1] != 3:
        return pictures.mean(dim=1)
    weights = torch.tensor(LUMA, device=pictures.device, dtype=pictures.dtype)
    return torch.einsum("nchw,c->nhw", pictures, weights)


def thumbnails(pictures: Tensor) -> Tensor:
    """[N, C, H, W] -> [N, C, 16, 16] on the host: means of squares."""
    return adaptive_avg_pool2d(pictures.float(), THUMBNAIL_PX).cpu()


def correlation(pictures: Tensor, others: Tensor) -> list[float]:
    """Pearson's correlation of the luminance of each picture with its partner's, -1..1.

    Pairs in which one side is flat are left out.
    """
    one, other = (luminance(side.float()).flatten(1) for side in (pictures, others))
    one, other = one - one.mean(1, keepdim=True), other - other.mean(1, keepdim=True)
    sizes = one.norm(dim=1), other.norm(dim=1)
    least = _FLAT * one.shape[1] ** 0.5
    kept = (sizes[0] > least) & (sizes[1] > least)
    values = (one * other).sum(1)[kept] / (sizes[0] * sizes[1])[kept]
    return [float(value) for value in values]


def grid_levels(pictures: Tensor) -> float:
    """How strong a grid of 2 or 4 pixels lies over the luminance: grey levels of 255, RMS.

    Transposed convolutions leave one (Odena et al. 2016, "Deconvolution and checkerboard
    artifacts"). In the spectrum it is a peak at those periods; what the frequencies nearby have
    as well is not counted.
    """
    grey = luminance(pictures.float()).cpu()
    sides = [side // 4 * 4 for side in grey.shape[-2:]]
    if min(sides) < _SMALLEST_PX:
        return 0.0
    grey = grey[..., : sides[0], : sides[1]]
    grey = grey - grey.mean(dim=(-2, -1), keepdim=True)
    one, other = (torch.hann_window(side, periodic=True) for side in sides)
    window = torch.outer(one, other)
    power = torch.fft.fft2(grey * window, norm="forward").abs().square().mean(dim=0)
    rows = (0, sides[0] // 4, sides[0] // 2, 3 * sides[0] // 4)
    columns = (0, sides[1] // 4, sides[1] // 2, 3 * sides[1] // 4)
    peaks = [_stands_out(power, y, x) for y in rows for x in columns if x or y]
    return HALF_LEVELS * math.sqrt(sum(peaks) / float(window.square().mean()))


def _stands_out(power: Tensor, y: int, x: int) -> float:
    """Power of a line in the spectrum, above that of the frequencies around it."""
    rows = torch.arange(y - _AROUND, y + _AROUND + 1) % power.shape[0]
    columns = torch.arange(x - _AROUND, x + _AROUND + 1) % power.shape[1]
    near = power[rows][:, columns]
    line = torch.zeros_like(near, dtype=torch.bool)
    line[_AROUND - 1 : _AROUND + 2, _AROUND - 1 : _AROUND + 2] = True  # the window widens it so
    around = near[~line].median()
    return max(0.0, float((near[line] - around).sum()))


class Spread:
    """How much the outputs differ from each other, as a share of how much the targets do.

    Pictures of one batch are compared with each other, over the newest ``looks``; where a batch
    is a single picture, those of the looks, between which the generator has changed as well.
    """

    def __init__(self, looks: int) -> None:
        self._variances: deque[tuple[float, float]] = deque(maxlen=looks)
        self._singles: deque[tuple[Tensor, Tensor]] = deque(maxlen=looks)
        self._looks = looks

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Two of [N, C, H, W]."""
        small = (thumbnails(outputs), thumbnails(targets))
        if len(outputs) > 1:
            self._variances.append((_variance(small[0]), _variance(small[1])))
        else:
            self._singles.append(small)

    @property
    def ratio(self) -> float | None:
        """None while there are too few pictures, or where the targets are all alike."""
        if self._variances:
            enough = len(self._variances) >= self._looks // 2
            outputs, targets = (mean(side) for side in zip(*self._variances, strict=True))
        else:
            enough = len(self._singles) == self._looks
            stacks = [torch.cat(side) for side in zip(*self._singles, strict=True)]
            outputs, targets = (_variance(side) for side in stacks) if enough else (0.0, 0.0)
        return math.sqrt(outputs / targets) if enough and targets > _ALIKE**2 else None


def _variance(pictures: Tensor) -> float:
    """Of a value over the pictures, mean over all places."""
    return float(pictures.var(dim=0, unbiased=True).mean()) if len(pictures) > 1 else 0.0
