"""Scale images [H, W, C] to another size, with Pillow or torch."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate

from data.augment import Size
from data.files.raster import Pixels, rounded
from data.missing import has_missing, interpolate_known, part_missing

RESIZERS = ("torch", "pillow")
_SMOOTH = Image.Resampling.BICUBIC


def resize(pixels: Pixels, size: Size, *, nearest: bool = False, by: str = "pillow") -> Pixels:
    """Scale each channel by itself and keep the dtype; integers are rounded.

    Torch scales 8-bit images several times as fast as Pillow; some pixels differ by one grey level.
    Images of more bits, and labels (``nearest``), are always scaled by Pillow. NaN is left out of
    the interpolation.
    """
    if size == image_size(pixels):
        return pixels
    if not nearest and has_missing(pixels):
        return interpolate_known(pixels, partial(_resize_planes, size=size, method=_SMOOTH),
                                 partial(part_missing, size=size))
    if by == "torch" and pixels.dtype == np.uint8 and not nearest:
        [scaled] = _resize_levels([pixels], size)
        return scaled
    method = Image.Resampling.NEAREST if nearest else _SMOOTH
    if pixels.dtype == np.uint8 and pixels.shape[2] == 3:
        return np.asarray(Image.fromarray(pixels).resize(size, method))
    return _resize_planes(pixels, size, method)


def resize_together(
    images: Sequence[Pixels], size: Size, *, nearest: Sequence[bool], by: str
) -> list[Pixels]:
    """Apply ``resize`` to every image; torch takes images of one size and dtype in one call."""
    first = images[0]
    alike = all(image.shape == first.shape and image.dtype == np.uint8 for image in images)
    if by == "torch" and alike and not any(nearest) and size != image_size(first):
        return _resize_levels(images, size)
    return [resize(image, size, nearest=labels, by=by)
            for image, labels in zip(images, nearest, strict=True)]


def image_size(pixels: Pixels) -> Size:
    return pixels.shape[1], pixels.shape[0]


def _resize_levels(images: Sequence[Pixels], size: Size) -> list[Pixels]:
    """Scale uint8 images with antialiased bicubic. The memory layout is channels_last."""
    planes = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    scaled = interpolate(planes, size[::-1], mode="bicubic", antialias=True)
    return list(scaled.permute(0, 2, 3, 1).numpy())


def _resize_planes(pixels: Pixels, size: Size, method: Image.Resampling) -> Pixels:
    planes = [_resize_plane(plane, size, method) for plane in np.moveaxis(pixels, 2, 0)]
    return np.stack(planes, axis=2)


def _resize_plane(plane: Pixels, size: Size, method: Image.Resampling) -> Pixels:
    """Resize one channel as 8 bits or float32, which holds every 16-bit number exactly."""
    exact = plane if plane.dtype == np.uint8 else plane.astype(np.float32)
    return rounded(np.asarray(Image.fromarray(exact).resize(size, method)), plane.dtype)
