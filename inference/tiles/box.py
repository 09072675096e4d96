"""Rectangles of pixels."""

from typing import NamedTuple


class Box(NamedTuple):
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right``, the ends not included."""

    top: int
    left: int
    bottom: int
    right: int

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
        """``by`` pixels larger on each side, as far as ``within`` reaches."""
        return Box(self.top - by, self.left - by, self.bottom + by, self.right + by).cut(within)

    def cut(self, within: "Box") -> "Box":
        """The part that both have in common."""
        return Box(
            max(self.top, within.top), max(self.left, within.left),
            min(self.bottom, within.bottom), min(self.right, within.right),
        )

    def seen_from(self, other: "Box", scale: int = 1) -> "Box":
        """Its place inside ``other``, in units of ``scale`` pixels."""
        return Box(
            (self.top - other.top) // scale, (self.left - other.left) // scale,
            (self.bottom - other.top) // scale, (self.right - other.left) // scale,
        )
