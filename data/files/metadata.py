"""What a file contains beside its pixels, and what an output of the same place gets of it."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.files.raster import Pixels

log = logging.getLogger(__name__)
Mask = npt.NDArray[np.bool_]
TIFF = (".tif", ".tiff")
NODATA = 42113  # tag of GDAL: the number that means "no value", as text


@dataclass(frozen=True)
class Metadata:
    """``missing``: bool [H, W], True where an output has no value; None: nowhere.

    ``nodata``: the number that means "no value" in the output, if its format can name one.
    """

    missing: Mask | None = None
    nodata: float | None = None

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
        return {"extratags": tags}


NO_METADATA = Metadata()


def with_nodata(pixels: Pixels, missing: Mask, nodata: float) -> Pixels:
    """Write ``nodata`` at the missing pixels; known values that equal it move by one step."""
    value = pixels.dtype.type(nodata)
    equal = pixels == value
    if pixels.dtype.kind != "f" and pixels.shape[2] in (3, 4):  # colours: see ``mark_missing``
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
