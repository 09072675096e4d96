"""The images that metrics get: pixels of any type, with the values that mean black and white."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import Tensor

from data.files.image_io import read_image
from data.files.pillow_files import PictureError
from data.files.raster import Mask, Pixels, as_channels, is_nodata
from data.files.value_range import LEVELS, ValueRange, of_dtype
from util.text import pluralise


@dataclass(frozen=True, eq=False)
class MetricImage:
    """``pixels``: [H, W, C]; ``limits``: the values in them that mean black and white.

    ``units``: what the limits mean in the files of the data set, if these hold other numbers.
    ``transparent``: there were transparent pixels, which are white now.
    ``missing``: bool [H, W], True where a pixel has no value in a channel; None: nowhere.
    """

    pixels: Pixels
    limits: ValueRange
    name: str = ""
    units: ValueRange | None = None
    transparent: bool = False
    missing: Mask | None = None

    @classmethod
    def read(
        cls, path: Path, limits: ValueRange | None = None, units: ValueRange | None = None, *,
        nan_value: float | None = None,
    ) -> "MetricImage":
        """Read a file; the default limits are the whole range of its integer type.

        Transparent pixels show a white background. Pixels that hold ``nan_value`` are missing.

        Raises:
            PictureError: the file cannot be read, or is floating point without ``limits``.
        """
        raster = read_image(path)
        marked = is_nodata(raster.pixels, nan_value, colours=raster.colour in ("rgb", "rgba"))
        if marked.any():
            marked = marked if raster.missing is None else marked | raster.missing
            raster = replace(raster, missing=marked)
        limits = limits or of_dtype(raster.pixels.dtype)
        if limits is None:
            raise PictureError(f"{path} is {raster}: floating point has no range of its own; give "
                               "--value_range LO,HI, the values that mean black and white")
        opaque = {"rgba": 3, "gray_alpha": 1}.get(raster.colour, raster.channels)
        whole = of_dtype(raster.pixels.dtype)
        opacity = raster.pixels[:, :, opaque:]
        transparent = bool((opacity < (whole.high if whole else 1)).any())
        pixels = as_channels(raster.known, opaque, source=path)
        missing = None if raster.missing is None else np.asarray(raster.missing.any(axis=2))
        return cls(pixels, limits, str(path), units, transparent, missing)

    @classmethod
    def of_tensor(
        cls, image: Tensor, *, dtype: npt.DTypeLike = np.uint8, limits: ValueRange = LEVELS,
        name: str = "",
    ) -> "MetricImage":
        """Round [C, H, W] in -1..1 to the levels of ``dtype``, as in a result file."""
        return cls(limits.from_tensor(image, dtype), limits, name)

    @property
    def channels(self) -> int:
        return int(self.pixels.shape[2])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return int(self.pixels.shape[1]), int(self.pixels.shape[0])

    @cached_property
    def unit(self) -> npt.NDArray[np.float64]:
        """[H, W, C], black 0 and white 1; values outside the limits stay outside."""
        span = self.limits.high - self.limits.low
        return np.asarray((self.pixels.astype(np.float64) - self.limits.low) / span)

    @property
    def kind(self) -> str:
        """A description for messages, such as "256 x 256, 3 channels of uint8"."""
        channels = pluralise(self.channels, "channel")
        return f"{self.size[0]} x {self.size[1]}, {channels} of {self.pixels.dtype}"

    def levels(self) -> npt.NDArray[np.uint8] | None:
        """Return the numbers of an 8-bit grey or RGB image as uint8 [H, W, 3]; None: another."""
        if self.pixels.dtype != np.uint8 or self.channels not in (1, 3):
            return None
        return np.asarray(np.repeat(self.pixels, 3 // self.channels, axis=2), np.uint8)


MaybeImage = MetricImage | None
