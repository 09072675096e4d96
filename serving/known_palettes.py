"""The names of label colours: from the data set's own file, or of well-known label maps."""

import logging
from pathlib import Path

import numpy as np

from metrics.palette import NoPaletteError, Palette, read_palette

log = logging.getLogger(__name__)
PALETTE_FILE = "palette.txt"  # in the folder of a data set: a line R G B NAME for every label
NEAR = 28.0  # levels, Euclidean: JPEG noise moves the mean colour of a label by less than this
KNOWN = {  # tried in this order
    name: read_palette(Path(__file__).parent / "palettes" / f"{name}.txt")
    for name in ("facades", "facades_of_pix2pix", "cityscapes")
}


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


def with_known_names(found: Palette, own: Palette | None = None) -> Palette:
    """Return ``found`` with exact colours and names, if a known palette has all its colours.

    ``own``: the palette of the data set itself, which comes before the well-known ones.
    """
    if found.names:
        return found
    for known in (*([own] if own and own.names else []), *KNOWN.values()):
        numbers = known.classes(found.colours[None])[0]
        off = np.linalg.norm(found.colours.astype(float) - known.colours[numbers], axis=1)
        if off.max() <= NEAR and len(set(numbers.tolist())) == len(found):
            numbers.sort()
            return Palette(known.colours[numbers], [known.names[number] for number in numbers])
    return found
