"""The labelled parts of a demo street, their shapes, and the label map.

A part is a shape in whole label pixels. Label map and photo fill the same shapes, the photo on a
finer grid, so the map determines the geometry of the photo. The colours follow the palette of the
CMP facade database (Tylecek and Sara 2013), with some additions.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
Mask = npt.NDArray[np.bool_]
RgbImage = npt.NDArray[np.uint8]

PALETTE: dict[str, tuple[int, int, int]] = {
    "sky": (0, 0, 170), "wall": (0, 0, 255), "window": (0, 85, 255), "door": (0, 170, 255),
    "cornice": (0, 255, 255), "sill": (85, 255, 170), "balcony": (170, 255, 85),
    "shutter": (255, 255, 0), "decoration": (255, 170, 0), "roof": (255, 85, 0),
    "pillar": (255, 0, 0), "shop": (170, 0, 0), "pavement": (85, 0, 0), "chimney": (170, 0, 170),
    "awning": (255, 0, 170), "plant": (0, 170, 0),
}


@dataclass(frozen=True)
class Part:
    """A labelled shape: a box in label pixels with an upper end of the shape ``head``."""

    label: str
    left: int
    top: int
    right: int
    bottom: int
    head: str = "flat"  # a key of HEADS
    rise: int = 0  # label pixels: height of an arch or gable, or inset of each side of a slope


@dataclass(frozen=True)
class House:
    style: str
    parts: tuple[Part, ...]  # in the order of painting


@dataclass(frozen=True)
class Street:
    """The content of one image of ``side`` x ``side`` label pixels, from back to front."""

    side: int
    backdrop: tuple[Part, ...]
    houses: tuple[House, ...]

    def parts(self) -> Iterator[Part]:
        yield from self.backdrop
        for house in self.houses:
            yield from house.parts


def _arch(part: Part, across: Array, y: Array) -> Mask:
    curve = 1 - np.sqrt(np.clip(1 - across**2, 0, 1))
    return (across <= 1) & (y > part.top + part.rise * curve)


def _slope(part: Part, across: Array, y: Array) -> Mask:
    half = (part.right - part.left) / 2
    lean = part.rise / half * (part.bottom - y) / (part.bottom - part.top)
    return (across <= 1 - lean) & (y > part.top)


def _round(part: Part, across: Array, y: Array) -> Mask:
    down = (2 * y - part.top - part.bottom) / (part.bottom - part.top)
    return across**2 + down**2 <= 1


# ``across`` is 0 on the middle line of the box and 1 at both sides; y is in label pixels.
HEADS: dict[str, Callable[[Part, Array, Array], Mask]] = {
    "flat": lambda part, across, y: (across <= 1) & (y > part.top),
    "arch": _arch,
    "gable": lambda part, across, y: (across <= 1) & (y > part.top + part.rise * across),
    "slope": _slope,
    "round": _round,
}


@dataclass(frozen=True)
class Cover:
    """The pixels of a part on a grid: bool [h, w] inside the rows and columns."""

    rows: slice
    columns: slice
    mask: Mask


def cover(part: Part, side: int, *, scale: int = 1) -> Cover | None:
    """Fill a part on a grid of ``side * scale`` pixels; None if it is outside the image."""
    top, bottom = (min(max(edge, 0), side) * scale for edge in (part.top, part.bottom))
    left, right = (min(max(edge, 0), side) * scale for edge in (part.left, part.right))
    if top >= bottom or left >= right:
        return None
    y = (np.arange(top, bottom, dtype=np.float32)[:, None] + 0.5) / scale
    x = (np.arange(left, right, dtype=np.float32)[None, :] + 0.5) / scale
    across = np.abs(2 * x - part.left - part.right) / (part.right - part.left)
    mask = HEADS[part.head](part, across, y)
    return Cover(slice(top, bottom), slice(left, right), mask)


def draw_labels(street: Street) -> RgbImage:
    """Return the label map, uint8 [side, side, 3]; every pixel has a colour of PALETTE."""
    picture = np.zeros((street.side, street.side, 3), np.uint8)
    for part in street.parts():
        covered = cover(part, street.side)
        if covered is not None:
            picture[covered.rows, covered.columns][covered.mask] = PALETTE[part.label]
    return picture
