"""TIFF files that Pillow cannot read: deep, floating point, many pages, many channels.

``image_io`` turns the errors of tifffile into a ``PictureError`` that names the file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from data.files.array_files import as_raster
from data.files.channels.axes import pages_last
from data.files.channels.tiff_pages import (
    BLACK_IS_0,
    CMYK,
    REDUCED,
    WHITE_IS_0,
    YCBCR,
    as_shown,
    colour_of,
    main_series,
    open_tiff,
)
from data.files.metadata import NODATA
from data.files.pillow_files import SIDEWAYS, PictureError, upright
from data.files.raster import Pixels, Raster, is_nodata
from data.files.reading import require_plausible, room_for
from util.packages import package_for

if TYPE_CHECKING:
    from tifffile import TiffPage

# Compression -> the most bytes that one byte of it can hold: none, LZW, Deflate (twice), PackBits.
_MOST_UNPACKED = {1: 1, 5: 2731, 8: 1032, 32946: 1032, 32773: 64}
_SIGNED_OR_FLOAT = (2, 3, 5, 6)  # sample formats (TIFF 6.0, section 19), with complex numbers
# TIFF orientation (TIFF 6.0, section 8) -> the operation that turns [H, W, C] upright.
_TURNS: dict[int, Any] = {
    2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1), 6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1], 8: lambda a: a.swapaxes(0, 1)[::-1],
}


def is_special(path: Path) -> bool:
    """Return True if tifffile is needed: Pillow reads one page of at most 4 channels of 8 bits."""
    with open_tiff(path) as tiff:
        page = tiff.pages.first
        for each in tiff.pages:
            require_complete(each.aspage(), path)
        colours = page.samplesperpixel
        alpha_or_ink = page.photometric == CMYK or page.extrasamples[:1] in ((1,), (2,))
        plain = (colours == 1 if page.photometric in (WHITE_IS_0, BLACK_IS_0) else
                 colours <= 3 or (colours == 4 and alpha_or_ink))
        return bool(len(tiff.pages) > 1 or page.bitspersample > 8 or not plain
                    or page.sampleformat in _SIGNED_OR_FLOAT or page.subfiletype & REDUCED)


def read_tiff(path: Path, wanted: Sequence[int] = ()) -> Raster:
    """Read pages, and the channels of a page, as channels in the order of the file.

    ``wanted``: see ``read_image``.

    Raises:
        PictureError: see ``main_series``.
    """
    with open_tiff(path) as tiff:
        series = main_series(tiff, path)
        page = series[0].keyframe
        with room_for(path, 2 * sum(it.nbytes for it in series)):
            pixels = np.concatenate([_rows_first(it.asarray(), it.axes, path, wanted)
                                     for it in series], axis=2)
        nodata = nodata_of(page.tags.valueof(NODATA))
        if page.photometric == WHITE_IS_0 and pixels.dtype.kind == "u" and nodata is not None:
            nodata = np.iinfo(pixels.dtype).max - nodata
        pixels = as_shown(pixels, page)
    turn = _TURNS.get(page.tags.valueof("Orientation", default=1))
    colour = colour_of(page, pixels.shape[2])
    return as_raster(turn(pixels) if turn else pixels, path, colour=colour, nodata=nodata)


def mark_nodata(raster: Raster, image: Image.Image, path: Path) -> Raster:
    """Mark the pixels of an 8-bit TIFF whose stored number is the nodata value of its tag."""
    nodata = nodata_of(getattr(image, "tag_v2", {}).get(NODATA))
    if nodata is None:
        return raster
    stored = np.atleast_3d(np.asarray(upright(image, path)))
    found = is_nodata(stored, nodata, colours=raster.colour in ("rgb", "rgba"))
    missing = np.broadcast_to(found[:, :, :1], raster.pixels.shape)
    return replace(raster, missing=missing, nodata=nodata)


def nodata_of(tag: object) -> float | None:
    """Return the number in the value of the tag ``NODATA``; None if it has none, or NaN."""
    try:
        number = float(str(tag).strip("\0 "))
    except ValueError:
        return None
    return number if isfinite(number) else None  # NaN and infinity are always missing


def tiff_size(path: Path, wanted: Sequence[int] = ()) -> tuple[int, int]:
    """Return width and height (pixels) of the upright image, from the header."""
    with open_tiff(path) as tiff:
        page = tiff.pages.first
        require_complete(page, path)
        height, width = page.imagelength, page.imagewidth
        if len(tiff.pages) > 1 or page.subfiletype & REDUCED:
            series = main_series(tiff, path)[0]
            page = series.keyframe
            header = np.broadcast_to(np.zeros((), series.dtype), series.shape)  # takes no memory
            height, width = _rows_first(header, series.axes, path, wanted).shape[:2]
        sideways = page.tags.valueof("Orientation", default=1) in SIDEWAYS
    return (height, width) if sideways else (width, height)


def _rows_first(array: Pixels, axes: str, path: Path, wanted: Sequence[int]) -> Pixels:
    """Return [H, W, C] for the axes of a series, such as SYX or TZCYX, in the order of the file."""
    if array.ndim == 3 and axes.endswith("YX") and axes[0] != "S":
        return pages_last(array, path, wanted)
    moved = np.moveaxis(array, (axes.index("Y"), axes.index("X")), (0, 1))
    return moved.reshape(*moved.shape[:2], -1) if moved.ndim != 3 else moved


def require_complete(page: "TiffPage", path: Path) -> None:
    """Refuse a page whose strips or tiles lie outside the file, or cannot hold all pixels.

    Raises:
        PictureError: the file is damaged or cut off.
    """
    starts = np.array(page.dataoffsets, np.float64)
    lengths = np.array(page.databytecounts, np.float64)
    if len(starts) != len(lengths) or (starts + lengths).max(initial=0) > path.stat().st_size:
        raise PictureError(f"{path} is damaged or cut off: parts of its pixels lie behind the end "
                           f"of the file ({path.stat().st_size:,} bytes); replace or remove it")
    most = _MOST_UNPACKED.get(int(page.compression))
    # Sparse files leave out segments of zeros, and subsampled colours take less.
    if most and 0 not in lengths and page.photometric != YCBCR:
        require_plausible(path, page.size, length=int(lengths.sum()),
                          per_byte=8 * most / page.bitspersample)


def write_tiff(pixels: Pixels, path: Path, tags: Mapping[str, Any] | None = None) -> None:
    """Write [H, W] or [H, W, C], compressed without loss; 3 channels are marked as RGB.

    ``tags``: further arguments of ``tifffile.imwrite``.
    """
    bands = pixels.ndim == 3
    package_for(path, "tifffile").imwrite(
        path, pixels, photometric="rgb" if bands and pixels.shape[2] == 3 else "minisblack",
        planarconfig="contig" if bands else None, compression="zlib", metadata=None,
        **tags or {},
    )
