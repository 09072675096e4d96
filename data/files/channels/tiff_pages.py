"""Which pages of a TIFF file are the image, and what their channels mean."""

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.files.raster import Pixels, rounded
from data.files.reading import PictureError, log_once
from util.packages import package_for

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage, TiffPageSeries

# TIFF 6.0: NewSubfileType (section 8), PhotometricInterpretation, ExtraSamples.
REDUCED, MASK = 1, 4
WHITE_IS_0, BLACK_IS_0, RGB, PALETTE, CMYK, YCBCR, LINEAR_RAW = 0, 1, 2, 3, 5, 6, 34892
_JPEG = (6, 7, 34892, 33007)  # compressions that turn YCbCr to RGB when they are decoded
_ASSOCIATED, _UNASSOCIATED = 1, 2


def open_tiff(path: Path) -> "TiffFile":
    """Open a TIFF file.

    Raises:
        PictureError: the list of its pages has no end, for which tifffile would search.
    """
    tiff: TiffFile = package_for(path, "tifffile").TiffFile(path)
    try:
        _require_end(tiff, path)
    except BaseException:
        tiff.close()
        raise
    return tiff


def _require_end(tiff: "TiffFile", path: Path) -> None:
    layout, file = tiff.tiff, tiff.filehandle
    at, seen = 4 if layout.offsetsize == 4 else 8, set[int]()  # TIFF 6.0, section 2; BigTIFF
    while not layout.is_ndpi:
        file.seek(at)
        link = file.read(layout.offsetsize)
        page = struct.unpack(layout.offsetformat, link)[0] if len(link) == layout.offsetsize else 0
        if page in seen:
            raise PictureError(f"{path}: the list of pages leads back to an earlier page; the file "
                               "is damaged, get it again")
        file.seek(page)
        tags = file.read(layout.tagnosize)
        if page == 0 or len(tags) < layout.tagnosize:
            break
        seen.add(page)
        at = page + layout.tagnosize + struct.unpack(layout.tagnoformat, tags)[0] * layout.tagsize


def main_series(tiff: "TiffFile", path: Path) -> list["TiffPageSeries"]:
    """Return the series of pages of one size and type that form the image.

    Thumbnails, smaller copies and masks are left out.

    Raises:
        PictureError: the pages have several sizes or types, or colours that are not read.
    """
    series = [it for it in tiff.series if "Y" in it.axes and "X" in it.axes]
    masks = [it for it in series if it.keyframe.subfiletype & MASK]
    main = [it for it in series if not it.keyframe.subfiletype & (REDUCED | MASK)]
    if not main and any(page.aspage().subifds for page in tiff.pages):
        raise PictureError(f"{path} holds only thumbnails as pages, and its image in SubIFDs; "
                           "export it as an ordinary TIFF")
    if masks and main:
        log_once("%s: the transparency mask of TIFF files is not used", path)
    main = main or series
    sizes = [f"{it.keyframe.imagewidth} x {it.keyframe.imagelength}" for it in main]
    for kind, found in (("sizes", sizes), ("types", [str(it.dtype) for it in main])):
        if len(set(found)) > 1:
            raise PictureError(
                f"{path} holds {len(main)} images of different {kind} ({', '.join(found)}); save "
                "the wanted one in a file of its own: tifffile.imwrite('x.tif', tifffile.imread("
                f"{str(path)!r}, series=0))")
    _require_known_colours(main[0].keyframe, path)
    return main


def _require_known_colours(page: "TiffPage", path: Path) -> None:
    photometric = page.photometric
    known = photometric in (WHITE_IS_0, BLACK_IS_0, RGB, PALETTE, CMYK, LINEAR_RAW)
    if not known and not (photometric == YCBCR and page.compression in _JPEG):
        name = getattr(photometric, "name", photometric)
        raise PictureError(f"{path} holds colours of type {name}; convert it to RGB or grey")


def colour_of(page: "TiffPage", channels: int) -> str:
    """Return the ``Raster.colour`` of the samples of one page; "" if ``as_raster`` decides."""
    alpha = bool(page.extrasamples) and page.extrasamples[0] in (_ASSOCIATED, _UNASSOCIATED)
    if page.photometric in (RGB, YCBCR, PALETTE) and page.samplesperpixel in (1, channels):
        return {3: "rgb", 4: "rgba" if alpha else "bands"}.get(channels, "bands")
    if page.photometric in (WHITE_IS_0, BLACK_IS_0) and page.samplesperpixel == channels == 2:
        return "gray_alpha" if alpha else "bands"
    return ""


def as_shown(pixels: Pixels, page: "TiffPage") -> Pixels:
    """Return [H, W, C] with palettes, inverted grey and premultiplied colours resolved."""
    if page.photometric == PALETTE and page.colormap is not None:
        colours = np.moveaxis(page.colormap[:, pixels], 0, -1)  # 16 bits for each colour
        return (colours >> 8).astype(np.uint8).reshape(*pixels.shape[:2], -1)
    if page.photometric == WHITE_IS_0 and pixels.dtype.kind == "u":
        samples = page.samplesperpixel if page.samplesperpixel > 1 else pixels.shape[2]
        grey = np.arange(pixels.shape[2]) % samples == 0 if page.extrasamples else slice(None)
        pixels = pixels.copy()
        pixels[:, :, grey] = np.iinfo(pixels.dtype).max - pixels[:, :, grey]
    if page.extrasamples[:1] == (_ASSOCIATED,) and page.samplesperpixel == pixels.shape[2]:
        return _unassociated(pixels)
    return pixels


def _unassociated(pixels: Pixels) -> Pixels:
    """Divide the colours by the alpha, by which they were multiplied."""
    most = 1.0 if pixels.dtype.kind == "f" else float(np.iinfo(pixels.dtype).max)
    alpha = pixels[:, :, -1:].astype(np.float64) / most
    colours = rounded(pixels[:, :, :-1] / np.where(alpha > 0, alpha, 1), pixels.dtype)
    return np.concatenate([colours, pixels[:, :, -1:]], axis=2)
