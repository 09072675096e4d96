"""The names of label colours: from the data set's own file, or of well-known label maps."""

import logging
from pathlib import Path

import numpy as np

from metrics.palette import NoPaletteError, Palette, read_palette

log = logging.getLogger(__name__)
Rgb = tuple[int, int, int]
PALETTE_FILE = "palette.txt"  # in the folder of a data set: a line R G B NAME for every label
NEAR = 28.0  # levels, Euclidean: JPEG noise moves the mean colour of a label by less than this

# CMP facade database (Tylecek and Sara 2013): twelve labels from blue to red.
FACADES: dict[str, Rgb] = {
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
FACADES_OF_PIX2PIX: dict[str, Rgb] = dict(zip(FACADES, (
    (0, 0, 222), (0, 48, 254), (2, 127, 254), (2, 207, 255), (33, 254, 225), (112, 254, 144),
    (192, 254, 64), (254, 240, 2), (255, 159, 1), (254, 80, 1), (251, 1, 2), (174, 0, 1),
), strict=True))
# Cordts et al. 2016, table of the labels that are evaluated.
CITYSCAPES: dict[str, Rgb] = {
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


def _palette(colours: dict[str, Rgb]) -> Palette:
    return Palette(np.array(list(colours.values()), np.uint8), list(colours))


_KNOWN = tuple(map(_palette, (FACADES, FACADES_OF_PIX2PIX, CITYSCAPES)))


def load_own_palette(dataroot: str | None) -> Palette | None:
    """Return the palette of a data set that has a file ``palette.txt``, as the demo set does."""
    file = Path(dataroot or "") / PALETTE_FILE
    if not dataroot or not file.is_file():
        return None
    try:
        return read_palette(file)
    except NoPaletteError as error:
        log.warning("%s; colours of labels are shown without its names", error)
        return None


def named(found: Palette, own: Palette | None = None) -> Palette:
    """Return ``found`` with exact colours and names, if a known palette has all its colours.

    ``own``: the palette of the data set itself, which comes before the well-known ones.
    """
    if found.names:
        return found
    for known in (*([own] if own and own.names else []), *_KNOWN):
        numbers = known.classes(found.colours[None])[0]
        off = np.linalg.norm(found.colours.astype(float) - known.colours[numbers], axis=1)
        if off.max() <= NEAR and len(set(numbers.tolist())) == len(found):
            numbers.sort()
            return Palette(known.colours[numbers], [known.names[number] for number in numbers])
    return found
