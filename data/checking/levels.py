"""Summarise the values of an image, and of all images of one side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from data.files.raster import Pixels, Raster

MOST_VALUES = 64  # label maps have few values, photos have many
EXTREMES = 3
SAMPLED = 2**20  # values of an image in which distinct values and neighbours are counted


@dataclass(frozen=True)
class Levels:
    """The values of one dtype, in the units of the file.

    ``lowest`` and ``highest``: up to three distinct values, ascending; of floating point, two from
    each image. ``few``: all values of integers if there are at most 64. ``flat``: share of
    horizontal neighbours that are equal. ``jumps``: share of the others that differ by more than
    1. ``grey``: all channels of each pixel are equal. ``highs``: of each channel, for bands.
    ``stored`` and ``unit``: see ``Raster``.
    """

    dtype: str
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    few: frozenset[float] | None = None
    flat: float = 0.0
    jumps: float = 0.0
    grey: bool = False
    highs: tuple[float, ...] = ()
    stored: str = ""
    unit: str = ""

    @property
    def low(self) -> float:
        return self.lowest[0]

    @property
    def high(self) -> float:
        return self.highest[-1]


def levels_of_raster(raster: Raster) -> Levels:
    """Summarise the known values of an image."""
    levels = levels_of(raster.known.pixels, raster.colour)
    return replace(levels, stored=raster.file_dtype, unit=raster.unit)


def levels_of(pixels: Pixels, colour: str = "") -> Levels:
    """Summarise [H, W, C]; ``colour``: see ``Raster``. Transparency is ignored.

    Of large images, whole rows are sampled; the lowest and the highest value are always exact.
    """
    if colour in ("gray_alpha", "rgba"):
        pixels = pixels[:, :, :-1]
    if pixels.dtype.kind == "f":
        finite = pixels[np.isfinite(pixels)]
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
        inner = finite[(finite > low) & (finite < high)]
        ends = [float(end) for end in ((inner.min(), inner.max()) if inner.size else (high, low))]
        lowest, highest = sorted({float(low), ends[0]}), sorted({ends[1], float(high)})
        return Levels(str(pixels.dtype), tuple(lowest), tuple(highest))
    rows = pixels[:: 1 + pixels.size // SAMPLED]
    is_byte = pixels.dtype == np.uint8
    counted = np.flatnonzero(np.bincount(rows.ravel())) if is_byte else np.unique(rows)
    distinct = np.union1d(counted, [pixels.min(), pixels.max()]).tolist()
    steps = np.abs(np.diff(rows.astype(np.int32), axis=1)).max(axis=2)
    changes = steps[steps > 0]
    return Levels(
        str(pixels.dtype), tuple(distinct[:EXTREMES]), tuple(distinct[-EXTREMES:]),
        few=frozenset(distinct) if len(distinct) <= MOST_VALUES else None,
        flat=1 - changes.size / max(1, steps.size),
        jumps=float((changes > 1).mean()) if changes.size else 0.0,
        grey=bool((rows == rows[:, :, :1]).all()),
        highs=tuple(pixels.max(axis=(0, 1)).tolist()) if colour == "bands" else (),
    )


def merged(images: Sequence[Levels]) -> Levels:
    """Combine the levels of images of one dtype."""
    values = frozenset[float]().union(*(image.few or () for image in images))
    has_few = all(image.few is not None for image in images) and len(values) <= MOST_VALUES
    return Levels(
        images[0].dtype,
        tuple(sorted({value for image in images for value in image.lowest})[:EXTREMES]),
        tuple(sorted({value for image in images for value in image.highest})[-EXTREMES:]),
        few=values if has_few else None,
        flat=fmean(image.flat for image in images), jumps=fmean(image.jumps for image in images),
        grey=all(image.grey for image in images),
        highs=tuple(map(max, zip(*(image.highs for image in images), strict=False))),
        stored=" and ".join(sorted({image.stored or image.dtype for image in images})),
        unit=images[0].unit if len({image.unit for image in images}) == 1 else "",
    )
