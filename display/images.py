"""Convert tensors to 8-bit images, and write these to files."""

import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from data.files.image_io import write_image
from data.files.raster import Mask
from display.reports import Image8
from util.files import replacing, writing
from util.pixel_values import float_to_levels
from util.png import encode_png

_CAPTION_PX = 16
_GAP_PX = 4


def to_picture(image: Tensor) -> Image8:
    """Convert float [C, H, W] in -1..1 to uint8 [H, W, 3]; see ``to_pictures``.

    Raises:
        ValueError: the tensor has another number of dimensions.
    """
    if image.ndim != 3:
        raise ValueError(f"an image needs shape [C, H, W], got {list(image.shape)}; pass one image "
                         "of the batch")
    return to_pictures(image[None])[0]


def to_pictures(images: Tensor) -> list[Image8]:
    """Convert float [N, C, H, W] in -1..1 to N arrays uint8 [H, W, 3]; see ``to_levels``."""
    return list(to_levels(images).cpu().numpy())


def to_levels(images: Tensor) -> Tensor:
    """Convert float [N, C, H, W] in -1..1 to uint8 [N, H, W, 3]; from a GPU, it stays there.

    Values are rounded to the nearest grey level. Values outside the range, and infinities, are
    clamped; NaN becomes black, so that a diverged network can be seen. Three channels are shown as
    RGB, any other number of channels as the grey of their mean.

    Raises:
        ValueError: the tensor has another number of dimensions.
    """
    if images.ndim != 4:
        raise ValueError(f"images need shape [N, C, H, W], got {list(images.shape)}")
    if images.shape[1] != 3:
        images = images.mean(dim=1, keepdim=True)
    device = images.device if images.is_cuda else "cpu"
    levels = float_to_levels(images.detach().to(device, torch.float32))
    return levels.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).contiguous()


def save_picture(
    picture: Image8, path: Path, *, aspect_ratio: float = 1.0,
    chunks: Mapping[bytes, bytes] = MappingProxyType({})
) -> tuple[int, int]:
    """Write uint8 [H, W, 3] as PNG, whole or not at all, and return ``saved_size``.

    ``chunks``: see ``encode_png``.

    The image is scaled by bicubic interpolation if ``aspect_ratio`` changes its size.
    """
    size = saved_size(picture, aspect_ratio)
    if size != picture.shape[1::-1]:
        picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
    with writing(path), replacing(path) as aside:
        aside.write_bytes(encode_png(picture, chunks))
    return size


def save_mask(mask: Mask, path: Path, *, aspect_ratio: float = 1.0) -> None:
    """Write bool [H, W] as a grey PNG: 255 if the pixel of ``save_picture`` depends on a True."""
    size = saved_size(mask, aspect_ratio)
    share = Image.fromarray(mask.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    write_image(np.where(np.asarray(share) != 0, np.uint8(255), np.uint8(0))[..., None], path)


def saved_size(picture: Image8 | Mask, aspect_ratio: float) -> tuple[int, int]:
    """Return width and height (pixels) of the file that ``save_picture`` writes.

    ``aspect_ratio`` multiplies width / height: above 1 it enlarges the width, below 1 the height.
    """
    if not 0 < aspect_ratio < math.inf:
        raise ValueError(f"aspect_ratio must be a number > 0, got {aspect_ratio}; "
                         "1 keeps the shape")
    height, width = picture.shape[:2]
    return round(width * max(1.0, aspect_ratio)), round(height / min(1.0, aspect_ratio))


def captioned_grid(pictures: Mapping[str, Image8], *, columns: int) -> Image8:
    """Return one white sheet with ``columns`` images in a row, each with its label below."""
    rows = math.ceil(len(pictures) / columns)
    cell_height = max(picture.shape[0] for picture in pictures.values()) + _CAPTION_PX + _GAP_PX
    font = ImageFont.load_default()
    cell_width = _GAP_PX + max(max(picture.shape[1], math.ceil(font.getlength(label)))
                               for label, picture in pictures.items())
    size = min(columns, len(pictures)) * cell_width + _GAP_PX, rows * cell_height + _GAP_PX
    sheet = Image.new("RGB", size, "white")
    pen: Any = ImageDraw.Draw(sheet)
    for number, (label, picture) in enumerate(pictures.items()):
        left = _GAP_PX + number % columns * cell_width
        top = _GAP_PX + number // columns * cell_height
        sheet.paste(Image.fromarray(picture), (left, top))
        pen.text((left, top + picture.shape[0] + 2), label, fill="black", font=font)
    return np.asarray(sheet)
