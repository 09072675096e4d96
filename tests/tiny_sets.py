"""Options and image files for the tests of data/."""

from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

DEFAULTS = {
    "dataset_mode": "aligned",
    "phase": "train",
    "direction": "AtoB",
    "input_nc": 3,
    "output_nc": 3,
    "load_size": 16,
    "crop_size": 8,
    "preprocess": "resize_and_crop",
    "no_flip": False,
    "serial_batches": False,
    "max_dataset_size": None,
    "batch_size": 2,
    "grad_accum": 1,
    "num_threads": 0,
    "seed": 7,
    "device": torch.device("cpu"),
    "isTrain": True,
    "model": "pix2pix",
    "new_dataset_option": 2.0,
    "value_range_A": None,
    "nan_value": None,
    "value_range_B": None,
    "on_bad_image": "error",
    "pairs": None,
    "allow_unpaired": False,
    "input_suffixes": (),
    "nearest": "",
    "flip_vertical": False,
    "turn_90": False,
    "rotate": 0.0,
    "zoom": (1.0, 1.0),
    "translate": 0.0,
    "colour_jitter": (0.0, 0.0, 0.0, 0.0),
    "cutout": 0,
    "resize": "pillow",
    "cache": "none",
}


def make_opt(dataroot: Path, **changes: Any) -> Namespace:
    return Namespace(**(DEFAULTS | {"dataroot": dataroot} | changes))


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    shape = (height, width, 3)
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def write_noise(folder: Path, *names: str, width: int = 24, height: int = 20) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        noise(width, height, seed).save(folder / name)


def write_pairs(folder: Path, count: int, *, side: int = 12) -> None:
    """Write pairs whose B is A; samples stay equal only if they share every draw."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        picture = noise(side, side, seed)
        pair = Image.new("RGB", (2 * side, side))
        pair.paste(picture, (0, 0))
        pair.paste(picture, (side, 0))
        pair.save(folder / f"{seed}.png")
