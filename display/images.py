"""From tensors to pictures, and from pictures to files."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from util.files import replacing, writing
from util.pixel_values import float_to_levels
from util.png import encode_png

Picture = npt.NDArray[np.uint8]  # [H, W, 3]

_CAPTION_PX = 16
_GAP_PX = 4


def to_picture(image: Tensor) -> Picture:
    """[C, H, W] in -1..1 -> uint8 [H, W, 3]; see ``to_pictures``.

    Raises:
        ValueError: not one image of C channels.
    """
    if image.ndim != 3:
        raise ValueError(
            f"a picture needs shape [C, H, W], got {list(image.shape)}; pass one image of the batch"
        )
    return to_pictures(image[None])[0]


def to_pictures(images: Tensor) -> list[Picture]:
    """[N, C, H, W] in -1..1 -> N times uint8 [H, W, 3], rounded to the nearest grey level.

    Values outside the range are clamped, infinities too; NaN becomes black, so that a network
    that has diverged shows itself. Three channels are colours; any other count, which has no
    agreed colours, is shown as the grey of its mean.

    Raises:
        ValueError: not a batch of images.
    """
    if images.ndim != 4:
        raise ValueError(f"pictures need shape [N, C, H, W], got {list(images.shape)}")
    if images.shape[1] != 3:
        images = images.mean(dim=1, keepdim=True)
    levels = float_to_levels(images.detach().to("cpu", torch.float32))
    pixels = levels.expand(-1, 3, -1, -1).permute(0, 2, 3, 1)
    return [np.ascontiguousarray(one.numpy()) for one in pixels]


def save_picture(picture: Picture, path: Path, *, aspect_ratio: float = 1.0) -> tuple[int, int]:
    """Write uint8 [H, W, 3] as PNG; ``path`` never holds half a file. Returns ``saved_size``.

    Scaled by bicubic interpolation where ``aspect_ratio`` changes the size.
    """
    size = saved_size(picture, aspect_ratio)
    if size != picture.shape[1::-1]:
        image = Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC)
        picture = np.asarray(image)
    encoded = encode_png(picture)
    with writing(path), replacing(path) as aside:
        aside.write_bytes(encoded)
    return size


def saved_size(picture: Picture, aspect_ratio: float) -> tuple[int, int]:
    """Width and height (pixels) of [H, W, 3] as ``save_picture`` writes it.

    ``aspect_ratio`` > 1 widens the picture to width * ratio, < 1 heightens it to height / ratio,
    so that width / height grows by the ratio either way.
    """
    if not (math.isfinite(aspect_ratio) and aspect_ratio > 0):
        raise ValueError(
            f"aspect_ratio must be a number > 0, got {aspect_ratio}; 1 keeps the shape"
        )
    height, width = picture.shape[:2]
    if aspect_ratio > 1:
        width = round(width * aspect_ratio)
    if aspect_ratio < 1:
        height = round(height / aspect_ratio)
    return width, height


def captioned_grid(pictures: Mapping[str, Picture], *, columns: int) -> Picture:
    """One white sheet with all the pictures, ``columns`` to a row, the label under each."""
    rows = math.ceil(len(pictures) / columns)
    cell_height = max(picture.shape[0] for picture in pictures.values()) + _CAPTION_PX + _GAP_PX
    font = ImageFont.load_default()
    widths = [max(shown.shape[1], math.ceil(font.getlength(label)))
              for label, shown in pictures.items()]
    cell_width = max(widths) + _GAP_PX
    columns = min(columns, len(pictures))
    sheet = Image.new(
        "RGB", (columns * cell_width + _GAP_PX, rows * cell_height + _GAP_PX), "white"
    )
    pen: Any = ImageDraw.Draw(sheet)
    for number, (label, picture) in enumerate(pictures.items()):
        left = _GAP_PX + number % columns * cell_width
        top = _GAP_PX + number // columns * cell_height
        sheet.paste(Image.fromarray(picture), (left, top))
        pen.text((left, top + picture.shape[0] + 2), label, fill="black", font=font)
    return np.asarray(sheet)
