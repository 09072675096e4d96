"""Convert the numbers in a file to the -1..1 of a network, and back."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from data.files.raster import Pixels, rounded
from util.pixel_values import clamped, levels_to_float

_OF_DTYPE = {"uint8": (0, 255), "uint16": (0, 65535), "int16": (-32768, 32767)}


@dataclass(frozen=True)
class ValueRange:
    """``low`` in a file is -1 in a network, ``high`` is 1."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"a value range needs LO < HI, got {self.low:g},{self.high:g}")

    @property
    def half(self) -> float:
        return (self.high - self.low) / 2

    def fits(self, dtype: npt.DTypeLike) -> bool:
        """Return True if ``dtype`` can hold the values, with at least 256 levels."""
        is_float = np.dtype(dtype).kind == "f"
        return is_float or (self.is_within(dtype) and self.high - self.low >= 255)

    def is_within(self, dtype: npt.DTypeLike) -> bool:
        """Return True if ``dtype`` can hold both limits."""
        if np.dtype(dtype).kind == "f":
            return True
        whole = np.iinfo(np.dtype(dtype))
        return whole.min <= self.low and self.high <= whole.max

    def to_tensor(self, pixels: Pixels) -> Tensor:
        """Map [H, W, C] to float32 [C, H, W] in -1..1; values outside the range are clipped."""
        if pixels.dtype == np.uint8 and self == LEVELS:
            return levels_to_float(torch.from_numpy(np.array(pixels)).permute(2, 0, 1).contiguous())
        values = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float64))
        return ((values - self.low) / self.half - 1.0).clamp(-1, 1).float()

    def from_tensor(self, image: Tensor, dtype: npt.DTypeLike) -> Pixels:
        """Map [C, H, W], ``clamped`` to -1..1, to [H, W, C] of ``dtype``, rounded."""
        device = image.device if image.is_cuda else "cpu"  # other devices have no float64
        image = clamped(image.detach().to(device, torch.float64))
        values = ((image + 1) * self.half + self.low).permute(1, 2, 0)
        if np.dtype(dtype) == np.uint8:  # an eighth of the bytes to copy
            values = values.round().clamp(0, 255).to(torch.uint8)
        return np.ascontiguousarray(rounded(values.cpu().numpy(), dtype))


LEVELS = ValueRange(0, 255)


def of_dtype(dtype: npt.DTypeLike) -> ValueRange | None:
    """Return the whole range of an integer type; None for floating point, which has none."""
    limits = _OF_DTYPE.get(np.dtype(dtype).name)
    return ValueRange(*limits) if limits else None
