"""Blurred strides: halve and double the sides without aliasing (Zhang 2019, arXiv:1904.11486).

CUT, FastCUT and others of CycleGAN's successors use them. The filters are in the published files.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


def _filter(weights: list[float], channels: int, total: float) -> Tensor:
    """Return the outer product of ``weights`` with itself, [channels, 1, n, n], of that sum."""
    line = torch.tensor(weights)
    square = line[:, None] * line
    return (square * (total / square.sum())).repeat(channels, 1, 1, 1)


class BlurDown(nn.Module):
    """[N, C, H, W] -> [N, C, ceil(H / 2), ceil(W / 2)]; H and W at least 2."""

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("filt", _filter([1.0, 2.0, 1.0], channels, 1.0))

    def forward(self, x: Tensor) -> Tensor:
        x = functional.pad(x, (1, 1, 1, 1), mode="reflect")
        return functional.conv2d(x, self.filt.to(x.dtype), stride=2, groups=x.shape[1])


class BlurUp(nn.Module):
    """[N, C, H, W] -> [N, C, 2 H, 2 W]; the values are those of bilinear interpolation."""

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("filt", _filter([1.0, 3.0, 3.0, 1.0], channels, 4.0))

    def forward(self, x: Tensor) -> Tensor:
        x = functional.pad(x, (1, 1, 1, 1), mode="replicate")
        return functional.conv_transpose2d(x, self.filt.to(x.dtype), stride=2, padding=3,
                                           groups=x.shape[1])
