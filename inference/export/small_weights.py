"""Store weights in 16 or 8 bits, for small files; the arithmetic stays float32.

These files run on every device that the large ones run on, and are no faster. half: IEEE half
precision. int8: symmetric, one scale for each output channel. Biases and norms stay float32: they
are a thousandth of a network.

onnxruntime.quantization was measured on a U-Net (unet_128, --ngf 16, 12 epochs of facades; 40 test
images, against the float32 file of 10.0 MB; grey levels). It is larger or less exact than int8
here, and serves ONNX files only:

                        file       largest error   mean    lowest PSNR   time (1 thread)
    int8 here           2.55 MB    4               0.19    54.2 dB       12 ms
    quantize_dynamic    7.31 MB    5               0.28    52.0 dB       25 ms
    quantize_static     2.59 MB    19              0.89    45.2 dB       13 ms
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

WeightFormat = Literal["float32", "half", "int8"]


class StoredWeight(nn.Module):
    """Stores the weight of a convolution in fewer bits, and widens it before each use.

    ``out_axis``: the axis of the output channels.
    """

    def __init__(self, weights: WeightFormat, out_axis: int) -> None:
        super().__init__()
        self.weights, self.out_axis = weights, out_axis

    def forward(self, stored: Tensor, scale: Tensor | None = None) -> Tensor:
        return stored.float() if scale is None else stored.float() * scale

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, ...]:
        """Return the tensors that are stored, the arguments of ``forward``."""
        weight = weight.detach()
        if self.weights == "half":
            return (weight.half(),)
        others = [axis for axis in range(weight.ndim) if axis != self.out_axis]
        scale = weight.abs().amax(others, keepdim=True).clamp(min=1e-12) / 127
        return (weight / scale).round().to(torch.int8), scale


def shrink(net: nn.Module, weights: WeightFormat) -> nn.Module:
    """Store the weights of all convolutions of ``net`` in fewer bits, in place; return ``net``."""
    if weights != "float32":
        for module in list(net.modules()):
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                out_axis = 1 if isinstance(module, nn.ConvTranspose2d) else 0
                stored = StoredWeight(weights, out_axis)
                register_parametrization(module, "weight", stored, unsafe=True)
    return net
