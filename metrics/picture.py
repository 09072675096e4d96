"""A picture as metrics see it: with the range of its values, whatever they are."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from data.files.image_io import read_image
from data.files.pillow_files import PictureError
from data.files.raster import Pixels, Raster, as_channels
from data.files.value_range import LEVELS, ValueRange, of_dtype


@dataclass(frozen=True, eq=False)
class Picture:
    """``pixels``: [H, W, C]; ``limits``: the values in them that mean black and white."""

    pixels: Pixels
    limits: ValueRange
    name: str = ""

    @classmethod
    def read(cls, path: Path, limits: ValueRange | None = None) -> "Picture":
        """A file; without ``limits``, integers have the whole range of their type.

        What is transparent shows a white ground.

        Raises:
            PictureError: the file cannot be read, or is floating point without ``limits``.
        """
        raster = read_image(path)
        limits = limits or of_dtype(raster.pixels.dtype)
        if limits is None:
            raise PictureError(
                f"{path} is {raster}: floating point has no range of its own; give --value_range "
                "LO,HI, the values that mean black and white"
            )
        return cls(_opaque(raster, path), limits, str(path))

    @classmethod
    def of_tensor(
        cls,
        image: Tensor,
        *,
        dtype: npt.DTypeLike = np.uint8,
        limits: ValueRange = LEVELS,
        name: str = "",
    ) -> "Picture":
        """[C, H, W] in -1..1, rounded to the levels of ``dtype`` as in the file of a result."""
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
        """[H, W, C], black 0 and white 1; values outside the range stay outside."""
        span = self.limits.high - self.limits.low
        unit: npt.NDArray[np.float64] = (self.pixels.astype(np.float64) - self.limits.low) / span
        return unit

    @property
    def kind(self) -> str:
        """"256 x 256, 3 channels of uint8"."""
        channels = "1 channel" if self.channels == 1 else f"{self.channels} channels"
        return f"{self.size[0]} x {self.size[1]}, {channels} of {self.pixels.dtype}"

    def levels(self) -> npt.NDArray[np.uint8] | None:
        """uint8 [H, W, 3] of an 8-bit picture in colour or grey; None of any other."""
        if self.pixels.dtype != np.uint8 or self.channels not in (1, 3):
            return None
        levels: npt.NDArray[Any] = np.repeat(self.pixels, 3 // self.channels, axis=2)
        return levels


def _opaque(raster: Raster, path: Path) -> Pixels:
    opaque = {"rgba": 3, "gray_alpha": 1}.get(raster.colour, raster.channels)
    return as_channels(raster, opaque, source=path)
