"""Weights stored in 16 or 8 bits, for small files; the arithmetic stays that of float32.

So the files run on every device that the large ones run on, and are no faster. half: IEEE half
precision. int8: symmetric, one scale for each output channel. Biases and norms stay float32: they
are a thousandth of a network.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.prepare import replace_modules

Weights = Literal["float32", "half", "int8"]
Conv = nn.Conv2d | nn.ConvTranspose2d


class SmallConv(nn.Module):
    """A convolution, transposed or not, that widens its weight before each use."""

    def __init__(self, conv: Conv, weights: Weights) -> None:
        super().__init__()
        if conv.padding_mode != "zeros" or isinstance(conv.padding, str):
            raise ValueError(
                f"small weights do not know the padding of {conv} ({conv.padding_mode}): "
                "leave --half and --int8 out"
            )
        self.conv, weight = conv, conv.weight.detach()
        self.stored: Tensor
        self.scale: Tensor | None
        if weights == "half":
            self.register_buffer("stored", weight.half())
            self.register_buffer("scale", None)
        else:
            out_axis = 1 if isinstance(conv, nn.ConvTranspose2d) else 0
            others = [axis for axis in range(weight.ndim) if axis != out_axis]
            scale = weight.abs().amax(others, keepdim=True).clamp(min=1e-12) / 127
            self.register_buffer("stored", (weight / scale).round().to(torch.int8))
            self.register_buffer("scale", scale)
        conv.weight = None  # type: ignore[assignment]

    def forward(self, x: Tensor) -> Tensor:
        conv, weight = self.conv, self.stored.float()
        assert not isinstance(conv.padding, str)
        if self.scale is not None:
            weight = weight * self.scale
        if isinstance(conv, nn.ConvTranspose2d):
            return functional.conv_transpose2d(
                x, weight, conv.bias, conv.stride, conv.padding, conv.output_padding, conv.groups,
                conv.dilation,
            )
        return functional.conv2d(
            x, weight, conv.bias, conv.stride, conv.padding, conv.dilation, conv.groups
        )


def shrink(net: nn.Module, weights: Weights) -> nn.Module:
    """``net`` itself, the weights of its convolutions in fewer bits."""
    if weights == "float32":
        return net
    return replace_modules(net, lambda m: SmallConv(m, weights) if isinstance(m, Conv) else m)
