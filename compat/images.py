"""Images as the original's util/util.py makes and saves them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from display.images import saved_size
from util.files import replacing, writing


def tensor2im(input_image: Any, imtype: Any = np.uint8) -> Any:
    """Convert the first image of float [N, C, H, W] in -1..1 to uint8 [H, W, C], C at least 3.

    The values are cut off, not rounded, as in the original. Values outside are clipped. An array is
    only converted to ``imtype``; any other object is returned.
    """
    if isinstance(input_image, np.ndarray):
        return input_image.astype(imtype)
    if not isinstance(input_image, torch.Tensor):
        return input_image
    image = input_image.detach()[0].cpu().float().numpy()
    if image.shape[0] == 1:
        image = np.tile(image, (3, 1, 1))
    levels = (np.transpose(image, (1, 2, 0)) + 1) / 2.0 * 255.0
    return np.nan_to_num(levels, posinf=255).clip(0, 255).astype(imtype)


def save_image(image_numpy: Any, image_path: str | Path, aspect_ratio: float = 1.0) -> None:
    """Write uint8 [H, W, C] or [H, W] to a file whose extension chooses the format.

    ``aspect_ratio`` multiplies width / height: above 1 it enlarges the width, below 1 the height.
    """
    image, path = Image.fromarray(image_numpy), Path(image_path)
    size = saved_size(image_numpy, aspect_ratio)
    if size != image.size:
        image = image.resize(size, Image.Resampling.BICUBIC)
    with writing(path), replacing(path) as aside:
        image.save(aside)
