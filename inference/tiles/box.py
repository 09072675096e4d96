"""Rectangles of pixels."""

from typing import NamedTuple


class Box(NamedTuple):
    """Columns ``left`` to ``right`` and rows ``top`` to ``bottom``; the ends are not included."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def rows(self) -> slice:
        return slice(self.top, self.bottom)

    @property
    def columns(self) -> slice:
        return slice(self.left, self.right)

    def grown(self, by: int, within: "Box") -> "Box":
        """Return the box enlarged by ``by`` pixels on each side, clipped to ``within``."""
        grown = Box(self.left - by, self.top - by, self.right + by, self.bottom + by)
        return grown.clipped(within)

    def clipped(self, within: "Box") -> "Box":
        """Return the intersection of both boxes."""
        return Box(max(self.left, within.left), max(self.top, within.top),
                   min(self.right, within.right), min(self.bottom, within.bottom))

    def relative_to(self, other: "Box", scale: int = 1) -> "Box":
        """Return the box in coordinates of ``other``, in units of ``scale`` pixels."""
        return Box((self.left - other.left) // scale, (self.top - other.top) // scale,
                   (self.right - other.left) // scale, (self.bottom - other.top) // scale)
