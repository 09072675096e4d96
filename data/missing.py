"""Values that a file does not have: NaN in images, on the way from the file to the batch.

The loader replaces NaN by --nan_value and adds a mask to the batch (data/base_dataset.py).
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from data.files.raster import Mask, Pixels
from data.files.side import Side
from data.files.source import Source

Interpolate = Callable[[Pixels], Pixels]


def levels_of_missing(
    sides: Sequence[Side], rows: Sequence[tuple[Sequence[Side], tuple[Source, ...]]]
) -> dict[str, float]:
    """Return the value of --nan_value in -1..1, by side; {} without the flag.

    ``rows``: one source for each of their sides. A side without a value range gets that of the type
    of its first file.
    """
    levels = {}
    for side in sides:
        if side.nan_value is None:
            continue
        pairs = [pair for own, row in rows[:1] for pair in zip(own, row, strict=True)]
        pairs += [(own[0], row[0]) for own, row in rows if own[0].letter == side.letter][:1]
        sources = {other.letter: source for other, source in pairs}
        source = sources.get(side.letter) or next(iter(sources.values()), None)
        dtype = source.read().pixels.dtype if source and not side.value_range else "uint8"
        levels[side.letter] = side.level_of_missing(dtype)
    return levels


def has_missing(pixels: Pixels) -> bool:
    return pixels.dtype.kind == "f" and bool(np.isnan(pixels).any())


def interpolate_known(
    pixels: Pixels, interpolate: Interpolate, part_missing: Interpolate
) -> Pixels:
    """Interpolate float32 [H, W, C] with NaN by the known values alone.

    ``interpolate`` is linear: the result is that of the known values, divided by that of their
    weights, so no value at the border of a hole depends on a fill value. ``part_missing`` returns,
    for bool [H, W, C], the pixels of the result of which a part is missing; they become NaN.
    """
    missing = np.isnan(pixels)
    known = interpolate(np.where(missing, np.float32(0), pixels))
    weights = interpolate((~missing).astype(np.float32))
    lost = part_missing(missing).astype(bool)
    return np.where(lost, np.float32(np.nan), known / np.where(lost, 1, weights))


def part_missing(missing: Mask, size: tuple[int, int]) -> Mask:
    """Scale [H, W, C] to ``size`` (width, height): True if any part of the new pixel is missing."""
    for axis, side in ((0, size[1]), (1, size[0])):
        old = missing.shape[axis]
        places = np.arange(side + 1) * old
        counts = np.insert(missing.cumsum(axis), 0, 0, axis)
        ends = counts.take(-(-places[1:] // side), axis)
        missing = ends > counts.take(places[:-1] // side, axis)
    return missing


def missing_in(images: Tensor) -> list[Mask | None]:
    """Return for each image of [N, C, H, W] where all channels are NaN; None: nowhere."""
    masks = images.isnan().all(dim=1).cpu().numpy()
    return [mask if mask.any() else None for mask in masks]


def without_missing(image: Tensor) -> Tensor:
    """Replace NaN in [C, H, W] by the mean of the channel's known values; 0 if it has none."""
    missing = image.isnan()
    mean = image.nanmean(dim=(1, 2), keepdim=True).nan_to_num()
    return torch.where(missing, mean, image)
