"""The styles of demo houses, as the label map shows them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """The features of a house in the label map; the photo adds material and colours."""

    pitch: float  # distance of window axes / storey height
    window: tuple[float, float]  # width / pitch, height / storey height
    arch: float = 0.0  # rise of the window head / half the window width
    roof: str = "parapet"  # parapet, tiles or mansard
    lintels: bool = False
    courses: bool = False  # a thin cornice between the storeys
    quoins: bool = False  # pillars at both corners
    shutters: bool = False
    flowers: float = 0.0  # share of windows with a flower box
    balconies: tuple[str, ...] = ("none",)  # none, middle, row, all: chosen at random
    shop: float = 0.5  # share of houses with a shop


STYLES: dict[str, Style] = {
    "townhouse": Style(0.80, (0.50, 0.60), lintels=True, flowers=0.15, shop=0.3),
    "warehouse": Style(1.00, (0.66, 0.58), arch=0.4, courses=True, shop=0.6),
    "parisian": Style(0.72, (0.50, 0.68), roof="mansard", courses=True,
                      balconies=("row", "all", "row"), shop=0.7),
    "riviera": Style(0.95, (0.36, 0.56), roof="tiles", shutters=True, flowers=0.4,
                     balconies=("none", "middle")),
    "palazzo": Style(0.90, (0.46, 0.64), arch=1.0, roof="tiles", quoins=True,
                     balconies=("none", "middle")),
    "modern": Style(1.15, (0.72, 0.48), balconies=("all", "middle", "row"), shop=0.4),
}
