"""The module inside exported files: it maps images to images.

    file's values -- scale -- encode -- pad -- network -- crop -- decode -- scale back -- values
    [N, H, W, C]     -1..1    (Lab)     to its multiple           (Lab)     round, clamp

All sides are dynamic, so the code must not branch on them: one trace must hold for all sizes.
"""

from typing import cast

import torch
from torch import Tensor, nn

from data.files.value_range import ValueRange
from models.codec import Codec
from models.networks.geometry import Geometry, geometry


class Graph(nn.Module):
    """Maps uint8 or float32 [N, H, W, C] to [N, H, W, c], any H and W from 1 up.

    Args:
        net: without dropout, its norms fixed (inference/export/norms.py).
        codec: encodes images for the network and decodes its output.
        input_range, output_range: values of the files that are -1 and 1 for the network.
        bytes_in, bytes_out: uint8 instead of float32; rounded to the nearest level.
    """

    def __init__(
        self, net: nn.Module, *, codec: Codec, input_range: ValueRange, output_range: ValueRange,
        bytes_in: bool, bytes_out: bool,
    ) -> None:
        super().__init__()
        self.net, self.codec, self.needs = net, codec, geometry(net)
        self.input_range, self.output_range = input_range, output_range
        self.bytes_in, self.bytes_out = bytes_in, bytes_out

    def forward(self, pictures: Tensor) -> Tensor:
        images = self._to_images(pictures.permute(0, 3, 1, 2))
        inputs = self.codec.encode_in_torch(images)
        if not _tracing():
            count = torch.ones(inputs.shape[0], dtype=torch.int64).sum()
            inputs = _first(inputs, 0, _unknown(count, 1))
        height, width = inputs.shape[-2], inputs.shape[-1]
        padded = _reflected(_reflected(inputs, -2, self.needs), -1, self.needs)
        outputs = _first(_first(self.net(padded), -2, height), -1, width)
        return self._to_values(self.codec.decode_in_torch(inputs, outputs)).permute(0, 2, 3, 1)

    def _to_images(self, values: Tensor) -> Tensor:
        """Map values of the file, [N, C, H, W], to -1..1; values outside the range are clipped."""
        limits = self.input_range
        return ((values.float() - limits.low) / limits.half - 1.0).clamp(-1, 1)

    def _to_values(self, images: Tensor) -> Tensor:
        """Map -1..1 to values of the file. NaN becomes the lowest value (display/images.py)."""
        limits = self.output_range
        images = torch.where(images.isnan(), torch.full_like(images, -1.0), images).clamp(-1, 1)
        values = (images + 1) * limits.half + limits.low
        return values.round().to(torch.uint8) if self.bytes_out else values


def _reflected(x: Tensor, axis: int, needs: Geometry) -> Tensor:
    """Extend ``axis`` to the next side that the network accepts, as ``padding.reflect_to``."""
    side = x.shape[axis]
    places = torch.arange(_blocks(side, needs) * needs.multiple)
    period = 2 * side - 2
    places = places.remainder(period + 1 // side)  # a single pixel repeats
    return x.index_select(axis, _on_device_of(x, torch.minimum(places, period - places)))


def _first(x: Tensor, axis: int, count: int) -> Tensor:
    """Return the first ``count`` along the axis. A slice would make torch.export compare sizes."""
    return x.index_select(axis, _on_device_of(x, torch.arange(count)))


def _on_device_of(x: Tensor, places: Tensor) -> Tensor:
    """Move indices to the device of x at run time: traced, ``x.device`` would be the CPU."""
    return places.type_as(x).long()  # float32 is exact up to 2**24 pixels


def _blocks(side: int, needs: Geometry) -> int:
    """Return the padded side, divided by the network's multiple."""
    least = -(-needs.minimum // needs.multiple)
    if _tracing():
        blocks = (side + needs.multiple - 1) // needs.multiple
        return (blocks + least + abs(blocks - least)) // 2  # max(); max() would branch on a tensor
    pixels = torch.ones(side, dtype=torch.int64).sum()
    return _unknown(((pixels + needs.multiple - 1) // needs.multiple).clamp(min=least), least)


def _unknown(count: Tensor, least: int) -> int:
    """Return ``count`` as a number of which torch.export knows only the lower bound ``least``.

    If it knew more, it would decide during the export whether a special case holds, such as a
    bottleneck of one pixel, and would refuse all other sizes.
    """
    number = cast(int, count.item())  # int() would require its value
    torch._check(number >= least)
    return number


def _tracing() -> bool:
    """Return whether torch.jit.trace runs (TorchScript, ONNX): then sides are tensors."""
    return torch.jit.is_tracing()  # type: ignore[attr-defined, no-any-return]
