"""Label maps of rectangles, in the colours of the facades set."""

from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

COLOURS = np.array([
    [0, 0, 222], [0, 48, 255], [0, 128, 255], [255, 80, 0], [192, 255, 63], [174, 0, 0],
], np.uint8)

Levels = npt.NDArray[np.uint8]


def classes(seed: int, side: int = 96) -> npt.NDArray[np.intp]:
    """Return [side, side] numbers of colours."""
    rng = np.random.default_rng(seed)
    found = np.zeros((side, side), np.intp)
    for number in [*range(1, len(COLOURS)), *rng.integers(1, len(COLOURS), 8)]:
        top, left = rng.integers(0, side - 14, 2)
        height, width = rng.integers(14, 34, 2)
        found[top : top + height, left : left + width] = number
    return found


def as_jpeg(levels: Levels, quality: int = 75) -> Levels:
    file = BytesIO()
    Image.fromarray(levels).save(file, format="JPEG", quality=quality)
    return np.asarray(Image.open(file))


def scaled(levels: Levels, side: int) -> Levels:
    return np.asarray(Image.fromarray(levels).resize((side, side), Image.Resampling.BICUBIC))
