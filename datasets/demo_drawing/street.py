"""Compose streets: a house in the middle, neighbours or bushes beside it, a pavement below."""

import numpy as np

from datasets.demo_drawing.house import Draft, compose
from datasets.demo_drawing.labels import House, Part, Street
from datasets.demo_drawing.styles import STYLES


def _house(
    rng: np.random.Generator, side: int, *, left: int | None = None, right: int | None = None
) -> tuple[House, int, int]:
    """Return a house and x of its left and right wall; it is centred if neither is given."""
    name = str(rng.choice(list(STYLES)))
    style = STYLES[name]
    floors, columns = int(rng.integers(2, 6)), int(rng.integers(3, 7))
    base = side - round(0.075 * side)
    roof = {"parapet": 0.25, "tiles": 0.75, "mansard": 1.0}[style.roof]
    storey = min(0.27, rng.uniform(0.78, 0.86) / (floors + 0.2 + roof)) * side
    wide = round(min(0.97 * side, storey * style.pitch * (columns + 0.3)))
    if right is not None:
        left = right - wide
    elif left is None:
        left = round((side - wide) / 2 + rng.uniform(-0.04, 0.04) * (side - wide))
    draft = Draft(style=style, rng=rng, side=side, left=left, right=left + wide, base=base,
                  storey=storey, floors=floors, columns=columns)
    return House(name, compose(draft)), left, left + wide


def _shrubs(rng: np.random.Generator, side: int, gap: tuple[int, int]) -> list[Part]:
    """Return bushes of different height that fill the gap between two walls."""
    base, shrubs = side - round(0.075 * side), []
    left, right = gap
    while left < right:
        wide = round(side * rng.uniform(0.08, 0.15))
        tall = round(side * rng.uniform(0.10, 0.24))
        shrubs.append(Part("plant", left - 2, base - tall, left + wide, base + tall // 3, "round"))
        left += round(wide * 0.7)
    return shrubs


def invent_street(rng: np.random.Generator, side: int) -> Street:
    """Choose at random the content of a label map of ``side`` x ``side`` pixels."""
    house, left, right = _house(rng, side)
    houses, shrubs = [house], []
    for gap in ((0, left), (right, side)):
        if gap[0] >= gap[1]:
            continue
        if rng.random() < 0.3:
            shrubs += _shrubs(rng, side, gap)
        elif gap[0] == 0:
            houses.insert(0, _house(rng, side, right=left)[0])
        else:
            houses.insert(0, _house(rng, side, left=right)[0])
    pavement = Part("pavement", 0, side - round(0.075 * side), side, side)
    backdrop = (Part("sky", 0, 0, side, side), *shrubs, pavement)
    return Street(side, backdrop, tuple(houses))
