"""What a file contains beside its pixels, and how it is copied to an output."""

import logging
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.files.raster import Mask, Pixels
from data.files.reading import log_once
from data.files.tags.world_files import Files

log = logging.getLogger(__name__)
TIFF = (".tif", ".tiff")
NODATA = 42113  # tag of GDAL: the number that means "no value", as text


@dataclass(frozen=True)
class Metadata:
    """``missing``: bool [H, W], True where an output has no value; None: nowhere.

    ``nodata``: the number that means "no value" in the output, if its format can name one.
    ``icc``: the colour profile; ``gamma``, ``chromaticity``: what PNG files have instead.
    ``dpi``: pixels per inch, across and down. ``geo``: TIFF tags with the place on earth, as
    ``extratags`` of tifffile; ``world``: files with it, see ``find_world_files``.
    """

    missing: Mask | None = None
    nodata: float | None = None
    icc: bytes = b""
    gamma: float | None = None
    chromaticity: tuple[float, ...] = ()  # x and y of white, red, green, blue
    dpi: tuple[float, float] | None = None
    geo: tuple[Any, ...] = ()
    world: Files = ()

    def icc_for(self, pixels: Pixels) -> bytes:
        """Return the profile if it fits pixels [H, W, C]: RGB or grey, of 8 or 16 bits."""
        space = {1: b"GRAY", 3: b"RGB ", 4: b"RGB "}.get(pixels.shape[2])
        fits = pixels.dtype in (np.uint8, np.uint16) and self.icc[16:20] == space
        return self.icc if fits else b""

    def png_chunks(self, pixels: Pixels) -> dict[bytes, bytes]:
        """Return the chunks of a PNG file (PNG, 11.3)."""
        chunks = {}
        if icc := self.icc_for(pixels):
            chunks[b"iCCP"] = b"ICC profile\0\0" + zlib.compress(icc)
        elif pixels.shape[2] >= 3 and not self.icc:
            numbers = [round(100_000 * value) for value in self.chromaticity]
            if len(numbers) == 8:
                chunks[b"cHRM"] = struct.pack(">8I", *numbers)
            if self.gamma:
                chunks[b"gAMA"] = struct.pack(">I", round(100_000 * self.gamma))
        if self.dpi:
            per_metre = (round(value / 0.0254) for value in self.dpi)
            chunks[b"pHYs"] = struct.pack(">IIB", *per_metre, 1)
        return chunks

    def pillow_flags(self, pixels: Pixels) -> dict[str, Any]:
        """Return further arguments of ``Image.save``."""
        flags: dict[str, Any] = {"dpi": self.dpi} if self.dpi else {}
        icc = self.icc_for(pixels)
        return flags | {"icc_profile": icc} if icc else flags

    def nodata_for(self, pixels: Pixels, extension: str) -> float | None:
        """Return the nodata value of a file: the one of the input if it fits, else NaN, or None."""
        if extension in TIFF and self.nodata is not None and _fits(self.nodata, pixels.dtype):
            return self.nodata
        return np.nan if pixels.dtype.kind == "f" and self.missing is not None else None

    def mark_missing(self, pixels: Pixels, path: Path) -> Pixels:
        """Return [H, W, C] with the nodata value where values are missing, and nowhere else."""
        nodata = self.nodata_for(pixels, path.suffix.lower())
        if nodata is None:
            if self.missing is not None:
                log.info("%s: %d pixels without a value in the input hold the output of the "
                         "network, since %s of %s has no number for them", path,
                         self.missing.sum(), path.suffix.lower(), pixels.dtype)
            return pixels
        missing = np.zeros(pixels.shape[:2], bool) if self.missing is None else self.missing
        return with_nodata(pixels, missing, nodata)

    def tiff_tags(self, pixels: Pixels) -> dict[str, Any]:
        """Return further arguments of ``tifffile.imwrite``."""
        nodata = self.nodata_for(pixels, ".tif")
        tags = [] if nodata is None else [(NODATA, "s", 0, f"{nodata:.17g}", True)]
        flags: dict[str, Any] = {"extratags": [*self.geo, *tags]}
        if icc := self.icc_for(pixels):
            flags["iccprofile"] = icc
        if self.dpi:
            flags |= {"resolution": self.dpi, "resolutionunit": "INCH"}
        return flags

    def say_what_is_lost(self, path: Path) -> None:
        """Log once for a format that tags with the place on earth are left out."""
        extension = path.suffix.lower()
        if self.geo and extension not in TIFF:
            log_once("%s: the place on earth of the input (GeoTIFF tags) is left out, because %s "
                     "files have no tags for it. Outputs have the format of the targets of the "
                     "training; train with targets in TIFF to keep the place", path, extension,
                     key=("place", extension), level=logging.WARNING)


NO_METADATA = Metadata()


def with_nodata(pixels: Pixels, missing: Mask, nodata: float) -> Pixels:
    """Write ``nodata`` at the missing pixels; known values that equal it move by one step."""
    value = pixels.dtype.type(nodata)
    equal = pixels == value
    if pixels.dtype.kind != "f" and pixels.shape[2] in (3, 4):  # colours: see ``is_nodata``
        equal = np.repeat(equal.all(axis=2, keepdims=True), pixels.shape[2], axis=2)
    if pixels.dtype.kind == "f":
        other = np.nextafter(value, value.dtype.type(0 if value else 1))
    else:
        other = value + 1 if value < np.iinfo(pixels.dtype).max else value - 1
    return np.where(missing[:, :, None], value, np.where(equal, other, pixels))


def _fits(number: float, dtype: npt.DTypeLike) -> bool:
    if np.dtype(dtype).kind == "f":
        return True
    limits = np.iinfo(np.dtype(dtype))
    return limits.min <= number <= limits.max and number == int(number)
