"""The format of one side of a set, A or B, and how its images become tensors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from data.files import value_range
from data.files.pillow_files import PictureError
from data.files.raster import Pixels, Raster, as_channels
from data.files.source import Source, read_together
from data.files.value_range import LEVELS, ValueRange
from util.text import pluralise


@dataclass(frozen=True)
class Side:
    """``channels`` and ``value_range`` of every image; None: the range of the file's dtype.

    ``channels_flag``: the flag that sets ``channels``, for errors; "" if a network is given.
    ``labels``: the colours are names of classes and must not be mixed by interpolation.
    ``nan_value``: what the network sees where a file has no value, in the units of the file; None:
    such files are refused.
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
        pixels = as_channels(raster, self.channels, source=source, flag=self.channels_flag)
        missing = raster.missing_in(self.channels)
        if missing is not None and self.nan_value is None:
            raise PictureError(_about_missing(raster, source))
        limits = self.range_of(pixels)
        if limits is None:
            known = pixels if missing is None or missing.all() else pixels[~missing]
            raise PictureError(f"{source} holds {pixels.dtype} from {known.min():g} to "
                               f"{known.max():g}, a type without a range of its own: give the "
                               f"values that mean black and white with --value_range_{self.letter} "
                               f"LO,HI (in Python value_range_{self.letter}=(LO, HI)); "
                               "scripts/check_dataset.py proposes limits for all files of a set")
        if missing is None:
            return pixels
        if self.value_range is None:
            pixels = (pixels.astype(np.float64) - limits.low) * (LEVELS.half / limits.half)
        return np.where(missing, np.float32(np.nan), pixels.astype(np.float32))

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
