"""Which TIFF files can be read box by box."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from data.files.pillow_files import PictureError, identified

DTYPES = ("uint8", "uint16", "int16", "float32")


def refuse_others(path: Path, page: Any) -> None:
    """Raise PictureError, with the reason, if the page of tifffile is of another kind."""
    found, colours = "", name_of(page.photometric)
    kind = "unknown" if page.dtype is None else np.dtype(page.dtype).name
    sides = (page.imagewidth, page.imagelength, page.samplesperpixel, *page.chunks)
    if not all(isinstance(side, int) and side > 0 for side in sides):
        found = f"a damaged header ({page.imagewidth} x {page.imagelength} pixels)"
    elif kind not in DTYPES or page.bitspersample not in (8, 16, 32):
        found = f"{page.bitspersample} bits of type {kind}, wanted {', '.join(DTYPES)}"
    elif page.planarconfig != 1 and page.samplesperpixel > 1:
        found = "channels stored one after the other (planar), wanted pixel by pixel (contiguous)"
    elif page.imagedepth != 1:
        found = f"a volume of {page.imagedepth} layers, wanted one image"
    elif colours not in ("MINISBLACK", "RGB", "YCBCR"):
        found = f"colours of type {colours}, wanted grey (MINISBLACK) or RGB"
    elif page.extrasamples[:1] == (1,):
        found = "colours multiplied by their alpha, wanted unchanged ones"
    elif colours == "YCBCR" and name_of(page.compression) not in ("JPEG", "OJPEG"):
        found = "colours of type YCBCR outside of JPEG, wanted grey or RGB"
    elif page.tags.valueof("Orientation", default=1) != 1:
        found = "a rotated or mirrored image (tag Orientation), wanted an upright one"
    if found:
        raise PictureError(f"{path} has {found}; convert it, or read it whole")


def require_segment_size(coded: bytes, page: Any, path: Path) -> None:
    """Refuse a strip or tile that is an image file, such as JPEG, of more pixels than its place.

    Its decoder would first decode all that its own header claims.

    Raises:
        PictureError: the file is damaged.
    """
    rows, columns = page.chunks[:2]
    try:
        width, height = identified(BytesIO(coded), path).size
    except Exception:  # compressed in another way, or damaged: its decoder reports it
        return
    if width * height > rows * columns:
        raise PictureError(f"{path} is damaged: a part of {columns} x {rows} pixels holds an image "
                           f"of {width} x {height}; replace or remove it")


def name_of(value: int) -> str:
    """Return the name of a code in the file, or the number if tifffile has no name for it."""
    return str(getattr(value, "name", value))
