"""``get_params`` and ``get_transform``: the geometry of the original, as torchvision transforms.

Their random numbers are those of ``random`` and torch, which are seeded for each sample.
"""

import random
from argparse import Namespace
from functools import partial
from typing import Any

from PIL import Image


def get_params(opt: Namespace, size: tuple[int, int]) -> dict[str, Any]:
    """Draw ``crop_pos`` (x, y) and ``flip`` for an image of ``size`` (width, height)."""
    width, height = size
    if opt.preprocess == "resize_and_crop":
        width = height = opt.load_size
    elif opt.preprocess == "scale_width_and_crop":
        width, height = opt.load_size, opt.load_size * height // width
    x, y = (random.randint(0, max(0, side - opt.crop_size)) for side in (width, height))
    return {"crop_pos": (x, y), "flip": random.random() > 0.5}


def get_transform(
    opt: Namespace, params: dict[str, Any] | None = None, grayscale: bool = False,
    method: Any = "bicubic", convert: bool = True,
) -> Any:
    """Return a torchvision ``Compose`` from a PIL image to float32 [C, H, W] in -1..1.

    Args:
        params: of ``get_params``; None: crop and flip at random.
        method: interpolation: an InterpolationMode, its name, or a number of Pillow.
        convert: False: the result is a PIL image.
    """
    from torchvision import transforms

    modes = transforms.InterpolationMode
    names = {mode.value: mode for mode in modes}
    if not isinstance(method, modes):
        name = method if isinstance(method, str) else Image.Resampling(method).name
        method = names[name.lower()]
    pillow = Image.Resampling[method.name]
    steps: list[Any] = [transforms.Grayscale(1)] if grayscale else []
    if "resize" in opt.preprocess:
        steps.append(transforms.Resize([opt.load_size, opt.load_size], method))
    elif "scale_width" in opt.preprocess:
        steps.append(transforms.Lambda(partial(_scale_width, opt.load_size, opt.crop_size, pillow)))
    if "crop" in opt.preprocess:
        steps.append(transforms.RandomCrop(opt.crop_size) if params is None else transforms.Lambda(
            partial(_crop, params["crop_pos"], opt.crop_size)))
    if opt.preprocess == "none":
        steps.append(transforms.Lambda(partial(_round_to_4, pillow)))
    if not opt.no_flip:
        if params is None:
            steps.append(transforms.RandomHorizontalFlip())
        elif params["flip"]:
            steps.append(transforms.Lambda(_mirror))
    if convert:
        middle = (0.5,) * (1 if grayscale else 3)
        steps += [transforms.ToTensor(), transforms.Normalize(middle, middle)]
    return transforms.Compose(steps)


def _scale_width(width: int, least: int, method: Image.Resampling, image: Any) -> Any:
    w, h = image.size
    if w == width and h >= least:
        return image
    return image.resize((width, int(max(width * h / w, least))), method)


def _crop(corner: tuple[int, int], side: int, image: Any) -> Any:
    w, h = image.size
    x, y = corner
    return image.crop((x, y, x + side, y + side)) if w > side or h > side else image


def _round_to_4(method: Image.Resampling, image: Any) -> Any:
    size = tuple(round(side / 4) * 4 for side in image.size)
    return image if size == image.size else image.resize(size, method)


def _mirror(image: Any) -> Any:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
