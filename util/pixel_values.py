"""The values of pixels: -1..1 in networks, 0..1 in formulas, levels 0..255 in 8-bit images."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

HALF_LEVELS = 127.5  # levels from -1 to 0, the middle of -1..1
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601: weights of red, green and blue, as in Pillow


def to_unit(values: Tensor) -> Tensor:
    """Map -1..1 to 0..1."""
    return (values + 1) / 2


def from_unit(values: Tensor) -> Tensor:
    """Map 0..1 to -1..1."""
    return values * 2 - 1


def clamped(values: Tensor) -> Tensor:
    """Clamp to -1..1, infinities too. NaN becomes -1 (black), so that divergence is visible."""
    return values.nan_to_num(nan=-1.0).clamp(-1, 1)


def levels_to_float(levels: Tensor) -> Tensor:
    """Map uint8 0..255 to float32 -1..1, with the same bits on every device.

    The divisor is a tensor on the device: CUDA divides by a Python number inexactly, through
    multiplication by its rounded inverse.
    """
    half = torch.full((), HALF_LEVELS, device=levels.device)
    return levels.float().div_(half).sub_(1.0)


def float_to_levels(values: Tensor) -> Tensor:
    """Map -1..1, ``clamped``, to the nearest level, uint8 0..255."""
    return clamped(values).add_(1).mul_(HALF_LEVELS).round_().to(torch.uint8)


def levels_to_unit(levels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Map 0..255 to float32 0..1."""
    unit: npt.NDArray[np.float32] = levels.astype(np.float32) / np.float32(255)
    return unit


def unit_to_levels(unit: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.uint8]:
    """Map 0..1 to the nearest level, uint8 0..255; clip values outside."""
    levels: npt.NDArray[np.uint8] = (unit.clip(0, 1) * 255).round().astype(np.uint8)
    return levels
