"""TIFF files that Pillow cannot read: deep, floating point, many pages, many channels.

``image_io`` turns the errors of tifffile into a ``PictureError`` that names the file.
"""

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.files.array_files import as_raster
from data.files.metadata import NODATA
from data.files.pillow_files import PictureError
from data.files.raster import Pixels, Raster
from data.files.reading import require_plausible, room_for
from util.packages import package_for

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

_FLOAT = 3  # sample format (TIFF 6.0, section 19)
_GREY = (0, 1)  # photometric interpretations of one channel
_YCBCR = 6
# Compression -> the most bytes that one byte of it can hold: none, LZW, Deflate (twice), PackBits.
_MOST_UNPACKED = {1: 1, 5: 2731, 8: 1032, 32946: 1032, 32773: 64}
# TIFF orientation (TIFF 6.0, section 8) -> the operation that turns [H, W, C] upright.
_TURNS: dict[int, Any] = {
    2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1), 6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1], 8: lambda a: a.swapaxes(0, 1)[::-1],
}


def is_special(path: Path) -> bool:
    """Return True if tifffile is needed: Pillow reads one page of at most 4 channels of 8 bits."""
    with _opened(path) as tiff:
        page = tiff.pages.first
        for each in tiff.pages:
            require_complete(each.aspage(), path)
        most_channels = 1 if page.photometric in _GREY else 4
        return bool(len(tiff.pages) > 1 or page.bitspersample > 8 or page.sampleformat == _FLOAT
                    or page.samplesperpixel > most_channels)


def read_tiff(path: Path) -> Raster:
    """Read pages, and the channels of a page, as channels in the order of the file.

    Raises:
        PictureError: the file holds images of several sizes.
    """
    with _opened(path) as tiff:
        series = _only_series(tiff, path)
        page = tiff.pages.first
        rows_and_columns = series.axes.index("Y"), series.axes.index("X")
        with room_for(path, 2 * series.nbytes):
            pixels = np.moveaxis(series.asarray(), rows_and_columns, (0, 1))
        pixels = pixels.reshape(*pixels.shape[:2], -1)
        turn = _TURNS.get(page.tags.valueof("Orientation", default=1))
        nodata = nodata_of(page.tags.valueof(NODATA))
        rgb = page.photometric == 2 and len(tiff.pages) == 1
        if page.photometric == 0 and pixels.dtype.kind == "u":  # white is 0
            most = np.iinfo(pixels.dtype).max
            pixels, nodata = most - pixels, None if nodata is None else most - nodata
    channels = pixels.shape[2]
    colour = {3: "rgb", 4: "rgba"}.get(channels, "bands") if rgb else ""
    return as_raster(turn(pixels) if turn else pixels, path, colour=colour, nodata=nodata)


def nodata_of(tag: object) -> float | None:
    """Return the number in the value of the tag ``NODATA``; None if it has none, or NaN."""
    try:
        number = float(str(tag).strip("\0 "))
    except ValueError:
        return None
    return number if isfinite(number) else None  # NaN and infinity are always missing


def tiff_size(path: Path) -> tuple[int, int]:
    """Return width and height (pixels) of the upright image, from the header."""
    with _opened(path) as tiff:
        page = tiff.pages.first
        require_complete(page, path)
        width, height = page.imagewidth, page.imagelength
        sideways = page.tags.valueof("Orientation", default=1) in (5, 6, 7, 8)
    return (height, width) if sideways else (width, height)


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
    if most and 0 not in lengths and page.photometric != _YCBCR:
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


def _opened(path: Path) -> "TiffFile":
    file: TiffFile = package_for(path, "tifffile").TiffFile(path)
    return file


def _only_series(tiff: "TiffFile", path: Path) -> Any:
    series = [s for s in tiff.series if "Y" in s.axes and "X" in s.axes]
    if len(series) != 1:
        shapes = ", ".join(" x ".join(map(str, s.shape)) for s in tiff.series)
        raise PictureError(f"{path} holds {len(tiff.series)} images of different shapes "
                           f"({shapes}); save the wanted one in a file of its own")
    return series[0]
