"""Scale images [H, W, C] to another size, by Pillow or by torch."""

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate

from data.augment import Size
from data.files.raster import Pixels, rounded

RESIZERS = ("torch", "pillow")


def resize(
    pixels: Pixels, size: Size, *, nearest: bool = False, by: str = "pillow"
) -> Pixels:
    """Each channel by itself, in the dtype that came: integers are rounded.

    ``by`` torch: 8 bits are resized several times as fast, some pixels one grey level apart from
    Pillow's; what has more bits, and labels, are Pillow's in any case.
    """
    if size == image_size(pixels):
        return pixels
    if by == "torch" and pixels.dtype == np.uint8 and not nearest:
        [scaled] = _resize_levels(np.stack([pixels]), size)
        return scaled
    method = Image.Resampling.NEAREST if nearest else Image.Resampling.BICUBIC
    if pixels.dtype == np.uint8 and pixels.shape[2] == 3:
        return np.asarray(Image.fromarray(pixels).resize(size, method))
    planes = [_resize_plane(plane, size, method) for plane in np.moveaxis(pixels, 2, 0)]
    return np.stack(planes, axis=2)


def resize_both(A: Pixels, B: Pixels, size: Size, *, labels: str, by: str) -> tuple[Pixels, Pixels]:
    """``resize`` of a pair; ``labels``: its sides that hold some, "", "A", "B" or "AB".

    torch takes both in one call, where they are alike.
    """
    alike = A.shape == B.shape and A.dtype == B.dtype == np.uint8
    if by == "torch" and alike and not labels and size != image_size(A):
        scaled_A, scaled_B = _resize_levels(np.stack([A, B]), size)
        return scaled_A, scaled_B
    return (
        resize(A, size, nearest="A" in labels, by=by),
        resize(B, size, nearest="B" in labels, by=by),
    )


def image_size(pixels: Pixels) -> Size:
    return pixels.shape[1], pixels.shape[0]


def _resize_levels(pictures: Pixels, size: Size) -> list[Pixels]:
    """uint8 [N, H, W, C], antialiased bicubic. Their layout is torch's channels_last."""
    planes = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    scaled = interpolate(planes, size[::-1], mode="bicubic", antialias=True)
    return list(scaled.permute(0, 2, 3, 1).numpy())


def _resize_plane(plane: Pixels, size: Size, method: Image.Resampling) -> Pixels:
    """Pillow resizes 8 bits and floats; float32 holds every 16-bit number."""
    exact = plane if plane.dtype == np.uint8 else plane.astype(np.float32)
    return rounded(np.asarray(Image.fromarray(exact).resize(size, method)), plane.dtype)
