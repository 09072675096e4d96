"""Images as arrays: the number of channels and their meaning."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from data.files.channels.axes import ways_to_convert
from data.files.reading import PictureError, UndeclaredError
from util.pixel_values import LUMA
from util.text import pluralise

# [H, W, C]: uint8, uint16, int16 or float32.
Pixels = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Raster:
    """``colour``: gray, gray_alpha, rgb, rgba, or bands for channels that are not colours.

    ``missing``: bool [H, W, C], True where the file has no value; None if it has all. ``nodata``:
    the number that means "no value" in the file, if it names one. ``stored``: the dtype in the
    file, if it is not that of ``pixels``. ``palette``: the file holds numbers of colours. ``unit``:
    "HU" for computed tomography in DICOM, "" for others.
    """

    pixels: Pixels
    colour: str
    missing: Mask | None = None
    nodata: float | None = None
    stored: str = ""
    palette: bool = False
    unit: str = ""

    @property
    def channels(self) -> int:
        return int(self.pixels.shape[2])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return int(self.pixels.shape[1]), int(self.pixels.shape[0])

    def __str__(self) -> str:
        count = pluralise(self.channels, "channel")
        return f"{self.size[0]} x {self.size[1]}, {count} ({self.colour}), {self.pixels.dtype}"

    @property
    def file_dtype(self) -> str:
        return self.stored or self.pixels.dtype.name

    @property
    def is_empty(self) -> bool:
        """True if no pixel has a value."""
        return self.missing is not None and bool(self.missing.all())

    @property
    def known(self) -> "Raster":
        """The image with its lowest known value, or 0, at the missing pixels, for statistics."""
        if self.missing is None:
            return self
        low = 0 if self.is_empty else self.pixels[~self.missing].min()
        return replace(self, missing=None, nodata=None,
                       pixels=np.where(self.missing, self.pixels.dtype.type(low), self.pixels))

    def missing_in(self, channels: int) -> Mask | None:
        """Return ``missing`` for the result of ``as_channels``: [H, W, channels]."""
        if self.missing is None or channels == self.channels:
            return self.missing
        return np.repeat(self.missing.any(axis=2, keepdims=True), channels, axis=2)


def as_channels(raster: Raster, count: int, *, source: object, flag: str = "") -> Pixels:
    """Return the pixels with ``count`` channels, [H, W, count], in their own dtype.

    Colours become grey (ITU-R 601 luma), grey becomes three equal channels, and transparent pixels
    become white. If the image has ``count`` channels, it is returned unchanged. ``flag``: the one
    that sets ``count``, for the error.

    Raises:
        PictureError: the channels of ``source`` cannot be converted to ``count``.
    """
    if raster.channels == count:
        return raster.pixels
    if raster.colour in ("gray_alpha", "rgba") and count in (1, 3):
        return as_channels(_on_white(raster), count, source=source, flag=flag)
    if raster.colour == "gray" and count == 3:
        return np.repeat(raster.pixels, 3, axis=2)
    if raster.colour == "rgb" and count == 1:
        return _luma(raster.pixels)
    advice = f"give {flag} {raster.channels} if all images of this side are so, or " if flag else ""
    ways = (ways_to_convert(str(source), raster.channels, count, in_training=bool(flag))
            if raster.colour == "bands" else "")
    raise PictureError(f"{source} is {raster}, but {count} wanted; {advice}convert it{ways}")


def mark_missing(raster: Raster) -> Raster:
    """Mark the values that are NaN or infinite, beside those marked before."""
    found = np.zeros(raster.pixels.shape, bool) if raster.missing is None else raster.missing
    if raster.pixels.dtype.kind == "f":
        found = found | ~np.isfinite(raster.pixels)
    return replace(raster, missing=found if found.any() else None)


def is_nodata(
    stored: Pixels, nodata: float | None, *, colours: bool = False
) -> Mask:
    """Return bool [H, W, C], True where [H, W, C] as stored in the file equals ``nodata``.

    ``colours``: a pixel is missing if all its colours equal ``nodata``, as in gdalwarp
    (UNIFIED_SRC_NODATA). Other channels are independent of each other.
    """
    if nodata is None or stored.dtype.kind not in "iuf":
        return np.zeros(stored.shape, bool)
    # Files of 32 bits name -3.4028234663852886e+38 by fewer digits than a double has.
    wanted = np.float32(nodata) if stored.dtype == np.float32 else nodata
    found: Mask = stored == wanted
    if colours:
        found = np.repeat(found[:, :, :3].all(axis=2, keepdims=True), found.shape[2], axis=2)
    return found


def stack_rasters(rasters: Sequence[Raster], sources: Sequence[object]) -> Raster:
    """Concatenate the channels of several images of one scene.

    Raises:
        PictureError: they differ in size or dtype.
    """
    first = rasters[0]
    if len(rasters) == 1:
        return first
    for raster, source in zip(rasters, sources, strict=True):
        if raster.size != first.size or raster.pixels.dtype != first.pixels.dtype:
            kind = PictureError if raster.size != first.size else UndeclaredError
            raise kind(f"{sources[0]} is {first}, but {source}, to be stacked with it, is "
                       f"{raster}; {_way_to_stack(rasters, sources)}")
    pixels = np.concatenate([raster.pixels for raster in rasters], axis=2)
    missing = [np.zeros(raster.pixels.shape, bool) if raster.missing is None else raster.missing
               for raster in rasters]
    return mark_missing(Raster(pixels, "bands", np.concatenate(missing, axis=2), first.nodata))


def _way_to_stack(rasters: Sequence[Raster], sources: Sequence[object]) -> str:
    """Return what to do with files that differ in size or dtype."""
    if len({raster.size for raster in rasters}) > 1:
        return "scale the files of each stack to one size"
    advice = ("save the files of each stack in one type, over the same values: one --value_range "
              "is for all of them")
    names = [(raster.pixels.dtype.name, str(source))
             for raster, source in zip(rasters, sources, strict=True)]
    byte, deep = (next((name for name in names if (name[0] == "uint8") == is_byte), None)
                  for is_byte in (True, False))
    if not byte or not deep:
        return advice
    scale = "257 *" if deep[0] == "uint16" else "LO + (HI - LO) / 255 *"
    limits = "" if deep[0] == "uint16" else " (LO,HI is the --value_range)"
    array = Path(byte[1]).with_suffix(".npy")
    code = (f"import numpy; from PIL import Image; numpy.save({str(array)!r}, {scale} "
            f"numpy.asarray(Image.open({byte[1]!r}), {deep[0]!r}))")
    return (f"{advice}. For all files like this one: python -c {shlex.quote(code)} && "
            f"rm {shlex.quote(byte[1])}{limits}")


def _on_white(raster: Raster) -> Raster:
    """Remove the transparency; transparent pixels become white."""
    pixels, opaque = raster.pixels, "gray" if raster.colour == "gray_alpha" else "rgb"
    if pixels.dtype == np.uint8:
        image = Image.fromarray(pixels).convert("RGBA")  # LA as well
        white = Image.new("RGBA", image.size, "white")
        blended = np.asarray(Image.alpha_composite(white, image))
        return Raster(blended[:, :, : 1 if opaque == "gray" else 3], opaque)
    white_level = 1.0 if pixels.dtype.kind == "f" else float(np.iinfo(pixels.dtype).max)
    alpha = pixels[:, :, -1:].astype(np.float64) / white_level
    blended = white_level + (pixels[:, :, :-1] - white_level) * alpha
    return Raster(rounded(blended, pixels.dtype), opaque)


def _luma(pixels: Pixels) -> Pixels:
    if pixels.dtype == np.uint8:
        return np.asarray(Image.fromarray(pixels).convert("L"))[:, :, None]
    return rounded((pixels @ np.array(LUMA))[:, :, None], pixels.dtype)


def rounded(values: Pixels, dtype: npt.DTypeLike) -> Pixels:
    """Convert to ``dtype``; integers are rounded and clipped to its limits."""
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        limits = np.iinfo(dtype)
        values = values.round().clip(limits.min, limits.max)
    return values.astype(dtype)
