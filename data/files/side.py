"""The format of one side of a set, A or B, and how its images become tensors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from torch import Tensor

from data.files import value_range
from data.files.raster import Pixels, Raster, as_channels, is_nodata
from data.files.reading import UndeclaredError, log_once
from data.files.source import Source, read_together
from data.files.value_range import LEVELS, ValueRange
from util.text import pluralise

# Replaces the colours of a palette by their numbers.
STORE_NUMBERS = ("python -c \"import sys, numpy; from PIL import Image; [Image.fromarray("
                 "numpy.asarray(Image.open(f))).save(f) for f in sys.argv[1:]]\" FILES")


@dataclass(frozen=True)
class Side:
    """``channels`` and ``value_range`` of every image; None: the range of the file's dtype.

    ``channels_flag``: the flag that sets ``channels``, for errors; "" if a network is given.
    ``labels``: the colours are names of classes and must not be mixed by interpolation.
    ``nan_value``: what the network sees where a file has no value, in the units of the file; None:
    such files are refused. See also ``marker``.
    """

    letter: str  # A or B
    channels: int
    value_range: ValueRange | None = None
    labels: bool = False
    channels_flag: str = ""
    nan_value: float | None = None

    def read(self, source: Source) -> Pixels:
        """Read and ``convert`` one image."""
        return self.convert(source.cut(source.read([self.channels])), source=source)

    def convert(self, raster: Raster, *, source: object) -> Pixels:
        """Return the image as [H, W, channels] in its own dtype; errors name ``source``.

        An image with missing values becomes float32 with NaN at these. Without ``value_range``,
        the range of its own dtype becomes 0..255.

        Raises:
            PictureError: it cannot have these channels, has no value range, or has missing values
                and there is no ``nan_value``.
        """
        raster = self.mark(raster)
        if raster.palette and self.channels == 1:
            self._warn_about_palette(raster, source)
        pixels = as_channels(raster, self.channels, source=source, flag=self.channels_flag)
        missing = raster.missing_in(self.channels)
        if missing is not None and self.nan_value is None:
            raise UndeclaredError(_about_missing(raster, source))
        limits = self.range_of(pixels)
        if limits is None:
            known = pixels if missing is None or missing.all() else pixels[~missing]
            raise UndeclaredError(f"{source} holds {raster.file_dtype} from {known.min():g} to "
                               f"{known.max():g}, a type without a range of its own: give the "
                               f"values that mean black and white with --value_range_{self.letter} "
                               f"LO,HI (in Python value_range_{self.letter}=(LO, HI)); "
                               "scripts/check_dataset.py proposes limits for all files of a set")
        if missing is None:
            return pixels
        if self.value_range is None:
            pixels = (pixels.astype(np.float64) - limits.low) * (LEVELS.half / limits.half)
        return np.where(missing, np.float32(np.nan), pixels.astype(np.float32))

    def mark(self, raster: Raster) -> Raster:
        """Mark the pixels that hold ``marker`` as missing, beside those marked before."""
        marker = self.marker(raster.pixels.dtype)
        found = is_nodata(raster.pixels, marker, colours=raster.colour in ("rgb", "rgba"))
        if not found.any():
            return raster
        missing = found if raster.missing is None else found | raster.missing
        return replace(raster, missing=missing,
                       nodata=marker if raster.nodata is None else raster.nodata)

    def marker(self, dtype: npt.DTypeLike) -> float | None:
        """Return ``nan_value`` if it marks missing pixels in files of ``dtype``; None if not.

        It does if it lies outside of ``value_range``: such numbers have no meaning for the network.
        Files of int16 without a range mark missing pixels by a negative number.
        """
        if self.nan_value is None:
            return None
        if self.value_range:
            is_outside = not self.value_range.low <= self.nan_value <= self.value_range.high
            return self.nan_value if is_outside else None
        return self.nan_value if np.dtype(dtype) == np.int16 and self.nan_value < 0 else None

    def _warn_about_palette(self, raster: Raster, source: object) -> None:
        if (raster.pixels[:, :, :3] == raster.pixels[:, :, :1]).all():
            return
        flag = self.channels_flag or "one channel"
        log_once("%s has a palette: with %s 1, its colours become grey (luminance), not the "
                 "numbers of classes. %s 3 keeps the colours. To store the numbers, in copies of "
                 "the files: %s (scripts/check_dataset.py then proposes "
                 "--value_range_%s)",
                 source, flag, flag, STORE_NUMBERS, self.letter, key=("palette", self.letter))

    def range_of(self, pixels: Pixels) -> ValueRange | None:
        return self.value_range or value_range.of_dtype(pixels.dtype)

    def to_tensor(self, pixels: Pixels) -> Tensor:
        """Map converted pixels [H, W, C] to float32 [C, H, W] in -1..1; NaN stays NaN."""
        # ``convert`` refuses pixels without a range, or scales them to 0..255.
        return (self.range_of(pixels) or LEVELS).to_tensor(pixels)

    def fill(self, image: Tensor, dtype: str = "uint8") -> Tensor:
        """Replace NaN in the tensor itself by ``nan_value``, if given, for files of ``dtype``."""
        if self.nan_value is None:
            return image
        return image.masked_fill_(image.isnan(), self.level_of_missing(dtype))

    def level_of_missing(self, dtype: npt.DTypeLike) -> float:
        """Return ``nan_value`` in -1..1, for files of ``dtype``."""
        assert self.nan_value is not None
        limits = self.value_range or value_range.of_dtype(dtype) or LEVELS
        return float(limits.to_tensor(np.full((1, 1, 1), self.nan_value)))


def read_row(sides: Sequence[Side], sources: Sequence[Source]) -> tuple[list[Raster], list[Pixels]]:
    """Read one image for each side; return them as they are in the files, and converted.

    Raises:
        PictureError: an image cannot be read, or ``Side.convert`` refuses it.
    """
    rasters = read_together(sources, [side.channels for side in sides])
    rasters = [side.mark(raster) for side, raster in zip(sides, rasters, strict=True)]
    triples = zip(sides, rasters, sources, strict=True)
    return rasters, [side.convert(raster, source=source) for side, raster, source in triples]


def _about_missing(raster: Raster, source: object) -> str:
    """Return the error for missing values without ``nan_value``."""
    assert raster.missing is not None
    count = int(raster.missing.any(axis=2).sum())
    width, height = raster.size
    kinds = "NaN or infinity"
    if raster.nodata is not None:
        others = f", {kinds}" if raster.pixels.dtype.kind == "f" else ""
        kinds = f"the nodata value {raster.nodata:g}{others}"
    return (f"{source}: {count} of {pluralise(width * height, 'pixel')} are missing ({kinds}); "
            "give the value that the network sees there with --nan_value V, in the units of the "
            "file (in Python nan_value=V); losses leave these pixels out")
