"""Images that are decoded and scaled once, then shared by all workers of a run."""

import math
from collections.abc import Mapping

import numpy as np

from data.cache.shared_bytes import SharedFile, SharedMemory
from data.files.raster import Pixels
from data.files.side import Side
from data.files.source import Source

CacheKey = tuple[Side, Source]
Shape = tuple[int, int, int]  # C, H, W


class PictureCache:
    """8-bit images; the first process that needs an image stores it.

    Two processes that store an image at the same time write the same bytes. Images of other depths,
    and images whose size differs from their header, are not stored: they are read each time.
    """

    def __init__(
        self, shapes: Mapping[CacheKey, Shape], storage: type[SharedMemory | SharedFile]
    ) -> None:
        self._shapes = list(shapes.values())
        self._numbers = {key: number for number, key in enumerate(shapes)}
        sizes = [math.prod(shape) for shape in self._shapes]
        # First one byte per image, 1 if the image is stored; then the images.
        self._starts = np.cumsum([len(shapes), *sizes])[:-1].tolist()
        self._shared = storage(bytes_needed(shapes))

    def get(self, side: Side, source: Source) -> Pixels | None:
        """Return uint8 [H, W, C], plane after plane in memory. Do not write: memory is shared."""
        number = self._numbers.get((side, source))
        if number is None or not self._shared.bytes[number]:
            return None
        pixels: Pixels = self._planes(number).transpose(1, 2, 0)
        return pixels

    def put(self, side: Side, source: Source, pixels: Pixels) -> None:
        number = self._numbers.get((side, source))
        planes = pixels.transpose(2, 0, 1)
        if number is None or pixels.dtype != np.uint8 or planes.shape != self._shapes[number]:
            return
        self._planes(number)[:] = planes
        self._shared.bytes[number] = 1  # last, so that a reader finds a complete image

    def _planes(self, number: int) -> Pixels:
        shape, start = self._shapes[number], self._starts[number]
        planes: Pixels = self._shared.bytes[start : start + math.prod(shape)].reshape(shape)
        return planes


def bytes_needed(shapes: Mapping[CacheKey, Shape]) -> int:
    return len(shapes) + sum(map(math.prod, shapes.values()))
