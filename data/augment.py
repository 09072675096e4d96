"""Augmentation of one sample: drawn once, applied to both images of a pair.

Both sides share the geometry and the cut-out square; only the model's input changes its colours.
Augmentation is off by default. Crop and flip, as in the reference, are in data/transforms.py.
"""

import math
from dataclasses import dataclass
from functools import partial
from random import Random

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from data.files.raster import Pixels, rounded
from data.missing import has_missing, interpolate_known, without_missing
from util.pixel_values import from_unit, to_unit

Size = tuple[int, int]  # width, height
CropBox = tuple[int, int, int, int]  # left, top, right, bottom; pixels
# a, b, c, d, e, f: the pixel at (x, y) comes from (ax + by + c, dx + ey + f).
Matrix = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class AppliedAugmentation:
    """The random choices of one sample; the defaults change nothing."""

    matrix: Matrix | None = None
    upside_down: bool = False
    quarter_turns: int = 0  # anticlockwise
    brightness: float = 1.0  # factors
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0  # of the colour circle
    cutout: int = 0  # side of the square (pixels)
    centre: tuple[float, float] = (0.0, 0.0)  # of the square, in 0..1 of width and height

    def turn(self, pixels: Pixels) -> Pixels:
        """Turn [H, W, C]; images that are not square keep their shape: only half turns apply."""
        if self.upside_down:
            pixels = pixels[::-1]
        square = pixels.shape[0] == pixels.shape[1]
        turns = self.quarter_turns if square else self.quarter_turns // 2 * 2
        return np.rot90(pixels, turns) if turns else pixels

    def jitter(self, image: Tensor) -> Tensor:
        """Change the colours of float32 [C, H, W] in -1..1.

        Contrast is relative to the mean grey of three channels, else to the mean of each channel.
        """
        if (self.brightness, self.contrast, self.saturation, self.hue) == (1, 1, 1, 0):
            return image
        from torchvision.transforms.v2 import functional  # optional package

        missing = image.isnan()
        light = to_unit(without_missing(image))
        light = light if len(light) == 3 else light[:, None]  # [C, 1, H, W]: C grey images
        if self.brightness != 1:
            light = functional.adjust_brightness(light, self.brightness)
        if self.contrast != 1:
            light = functional.adjust_contrast(light, self.contrast)
        if self.saturation != 1:
            light = functional.adjust_saturation(light, self.saturation)
        if self.hue != 0:
            light = functional.adjust_hue(light, self.hue)
        return from_unit(light.view_as(image)).masked_fill(missing, torch.nan)

    def cut_out(self, image: Tensor) -> Tensor:
        """Fill the square of [C, H, W] with 0, the middle of -1..1; missing values stay NaN."""
        if not self.cutout:
            return image
        height, width = image.shape[1:]
        left = int(self.centre[0] * width) - self.cutout // 2
        top = int(self.centre[1] * height) - self.cutout // 2
        hidden = image.clone()
        hidden[:, max(top, 0) : top + self.cutout, max(left, 0) : left + self.cutout] *= 0
        return hidden


UNCHANGED = AppliedAugmentation()


@dataclass(frozen=True)
class Augmentation:
    """The values of the flags in options/augmentation_flags.py, which has their meanings."""

    flip_vertical: bool = False
    turn_90: bool = False
    rotate: float = 0.0  # degrees
    zoom: tuple[float, float] = (1.0, 1.0)
    translate: float = 0.0  # of width and height
    colour_jitter: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    cutout: int = 0  # pixels

    def draw(self, size: Size, rng: Random) -> AppliedAugmentation:
        """Draw the choices for an image of ``size``, scaled but not yet cropped.

        The same count of numbers is drawn for all flags, so that one flag does not change another.
        """
        coin, quarter = rng.random(), rng.random()
        angle, zoom, right, down = (rng.random() for _ in range(4))
        brightness, contrast, saturation, hue = (
            strength * (2 * rng.random() - 1) for strength in self.colour_jitter
        )
        centre = (rng.random(), rng.random())
        matrix = None
        if self.rotate or self.translate or self.zoom != (1, 1):
            shift = self.translate * (2 * right - 1), self.translate * (2 * down - 1)
            matrix = affine(size, radians=math.radians(self.rotate * (2 * angle - 1)), shift=shift,
                            zoom=self.zoom[0] + (self.zoom[1] - self.zoom[0]) * zoom)
        return AppliedAugmentation(matrix, upside_down=self.flip_vertical and coin < 0.5,
                                   quarter_turns=int(4 * quarter) if self.turn_90 else 0,
                                   brightness=1 + brightness, contrast=1 + contrast,
                                   saturation=1 + saturation, hue=hue, cutout=self.cutout,
                                   centre=centre if self.cutout else (0.0, 0.0))


def affine(size: Size, *, radians: float, zoom: float, shift: tuple[float, float]) -> Matrix:
    """Return the matrix that turns clockwise, enlarges about the middle, then shifts.

    ``shift`` is in fractions of ``size``.
    """
    width, height = size
    cos, sin = math.cos(radians) / zoom, math.sin(radians) / zoom
    # The point that the middle of the image moves to.
    x, y = (0.5 + shift[0]) * width, (0.5 + shift[1]) * height
    return (cos, sin, width / 2 - cos * x - sin * y, -sin, cos, height / 2 + sin * x - cos * y)


def warp(pixels: Pixels, matrix: Matrix, box: CropBox, *, nearest: bool) -> Pixels:
    """Return the part ``box`` of the transformed image, in the same dtype.

    The interpolation is bicubic (a = -0.75, as in OpenCV) or ``nearest``. The image is mirrored at
    its borders. NaN is left out of the interpolation.
    """
    sample = partial(_sample, matrix=matrix, box=box)
    if has_missing(pixels) and not nearest:
        return interpolate_known(pixels, sample, lambda holes: sample(holes, mode="bilinear") > 0)
    return rounded(sample(pixels, mode="nearest" if nearest else "bicubic"), pixels.dtype)


def _sample(pixels: Pixels, matrix: Matrix, box: CropBox, mode: str = "bicubic") -> Pixels:
    """Return ``warp`` as float32."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = box
    a, b, c, d, e, f = matrix
    # Pixel centres lie at halves. float64, because float32 has only 24 bits for a position.
    x = torch.arange(left, right, dtype=torch.float64) + 0.5
    y = torch.arange(top, bottom, dtype=torch.float64)[:, None] + 0.5
    positions = torch.stack(
        ((a * x + b * y + c) * 2 / width - 1, (d * x + e * y + f) * 2 / height - 1), dim=2
    )
    planes = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32))
    values = grid_sample(planes[None], positions[None].float(), mode=mode,
                         padding_mode="reflection", align_corners=False)
    warped: Pixels = values[0].permute(1, 2, 0).numpy()
    return warped
