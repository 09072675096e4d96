"""The demo photo while it is painted: colours and heights, and the patch of one part.

Lengths in a photo are in units of 1/256 of its side, at every resolution.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from datasets.demo_drawing.labels import Array, Mask, Part, cover
from datasets.demo_drawing.materials import Tint

Material = Callable[[np.random.Generator, Array, Array, Tint], Array]


@dataclass(frozen=True)
class Look:
    """Materials and colours of one house, 0..1."""

    material: Material
    wall: Tint
    trim: Tint
    frame: Tint
    accent: Tint  # doors, shutters, awnings
    roofing: Material
    roof: Tint
    panes: tuple[int, int]  # rows and columns of glass in a window


@dataclass(frozen=True)
class Patch:
    """The pixels that a part covers; writing to ``rgb`` and ``height`` paints on the canvas."""

    part: Part
    rgb: Array  # [h, w, 3], a view of the canvas
    height: Array  # [h, w], a view of the canvas
    mask: Mask  # [h, w]
    y: Array  # [h, 1] units
    x: Array  # [1, w] units
    unit: float  # units per pixel
    scale: float  # units per label pixel
    rng: np.random.Generator

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the whole part in units, also outside the image."""
        part, scale = self.part, self.scale
        return part.left * scale, part.top * scale, part.right * scale, part.bottom * scale

    def fill(
        self, colour: Tint | Array, height: float | Array, *, where: Mask | None = None
    ) -> None:
        """Paint one colour, or one per pixel; ``where`` and arrays broadcast to [h, w]."""
        chosen = self.mask if where is None else self.mask & where
        self.rgb[chosen] = np.broadcast_to(np.asarray(colour), self.rgb.shape)[chosen]
        self.height[chosen] = np.broadcast_to(np.asarray(height), self.mask.shape)[chosen]

    def down(self) -> Array:
        """Return [h, 1]: 0 at the upper edge, 1 at the lower edge."""
        return (self.y - self.box[1]) / (self.box[3] - self.box[1])

    def along(self) -> Array:
        """Return [1, w]: 0 at the left edge, 1 at the right edge."""
        return (self.x - self.box[0]) / (self.box[2] - self.box[0])

    def within(self, margin: float) -> Mask:
        """Return the pixels at least ``margin`` units inside straight and bent edges."""
        left, top, right, bottom = self.box
        inner = (self.x > left + margin) & (self.x < right - margin) & (self.y < bottom - margin)
        rows = min(len(self.mask), max(1, round(margin / self.unit)))
        lowered = np.zeros_like(self.mask)
        lowered[rows:] = self.mask[: len(self.mask) - rows]
        return inner & lowered & (self.y > top + margin)


@dataclass(frozen=True)
class Canvas:
    """The photo while it is painted: colour [S, S, 3] and height in units [S, S]."""

    street_side: int  # label pixels
    scale: int
    rgb: Array
    height: Array

    def cut(self, part: Part, rng: np.random.Generator) -> Patch | None:
        """Return the patch of a part, or None if the part is outside the image."""
        covered = cover(part, self.street_side, scale=self.scale)
        if covered is None:
            return None
        unit = np.float32(256 / self.rgb.shape[0])
        rows, columns = covered.rows, covered.columns
        y = (np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + 0.5) * unit
        x = (np.arange(columns.start, columns.stop, dtype=np.float32)[None, :] + 0.5) * unit
        return Patch(part, self.rgb[rows, columns], self.height[rows, columns], covered.mask, y, x,
                     unit=float(unit), scale=256 / self.street_side, rng=rng)
