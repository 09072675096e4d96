"""What the colours of well-known label maps mean."""

from collections.abc import Mapping

import numpy as np

from datasets.demo_drawing.labels import PALETTE as DEMO
from metrics.palette import Palette

Colour = tuple[int, int, int]
NEAR = 28.0  # levels, Euclidean: JPEG's noise moves the mean of a label less than that

# CMP facade database (Tylecek and Sara 2013): twelve labels from blue to red.
FACADES: dict[str, Colour] = {
    "background": (0, 0, 170),
    "wall": (0, 0, 255),
    "window": (0, 85, 255),
    "door": (0, 170, 255),
    "cornice": (0, 255, 255),
    "sill": (85, 255, 170),
    "balcony": (170, 255, 85),
    "blind": (255, 255, 0),
    "deco": (255, 170, 0),
    "molding": (255, 85, 0),
    "pillar": (255, 0, 0),
    "shop": (170, 0, 0),
}
# The same labels as in the facades set of pix2pix: means over its JPEG files (measured on 60 of
# them), in the order of the database, which agrees with what the pictures show.
FACADES_OF_PIX2PIX: dict[str, Colour] = dict(zip(FACADES, (
    (0, 0, 222), (0, 48, 254), (2, 127, 254), (2, 207, 255), (33, 254, 225), (112, 254, 144),
    (192, 254, 64), (254, 240, 2), (255, 159, 1), (254, 80, 1), (251, 1, 2), (174, 0, 1),
), strict=True))
# Cordts et al. 2016, table of the labels that are evaluated.
CITYSCAPES: dict[str, Colour] = {
    "unlabelled": (0, 0, 0),
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "building": (70, 70, 70),
    "wall": (102, 102, 156),
    "fence": (190, 153, 153),
    "pole": (153, 153, 153),
    "traffic light": (250, 170, 30),
    "traffic sign": (220, 220, 0),
    "vegetation": (107, 142, 35),
    "terrain": (152, 251, 152),
    "sky": (70, 130, 180),
    "person": (220, 20, 60),
    "rider": (255, 0, 0),
    "car": (0, 0, 142),
    "truck": (0, 0, 70),
    "bus": (0, 60, 100),
    "train": (0, 80, 100),
    "motorcycle": (0, 0, 230),
    "bicycle": (119, 11, 32),
}


def named(found: Palette) -> Palette:
    """``found`` with exact colours and names, if one of the known palettes has all its colours.

    The facades come before the demo set, whose palette is theirs with some additions.
    """
    if found.names:
        return found
    for known in (FACADES, DEMO, FACADES_OF_PIX2PIX, CITYSCAPES):
        entries = _entries(found, known)
        if entries:
            names = [name for name in known if name in entries]
            return Palette(np.array([known[name] for name in names], np.uint8), names)
    return found


def _entries(found: Palette, known: Mapping[str, Colour]) -> set[str]:
    """The names of the found colours; none, unless each is near one of its own."""
    table = np.array(list(known.values()), float)
    distances = np.linalg.norm(found.colours[:, None].astype(float) - table[None], axis=2)
    nearest = distances.argmin(axis=1)
    if distances.min(axis=1).max() > NEAR or len(set(nearest.tolist())) < len(found):
        return set()
    names = list(known)
    return {names[place] for place in nearest}
