"""Picture in, picture out: the module that exported files hold.

    file's values ── scale ── encode ── pad ── network ── crop ── decode ── scale back ── values
    [N, H, W, C]     -1..1    (Lab)     to its multiple            (Lab)    round, clamp

All sides are dynamic, so nothing here may branch on them: what is traced once must hold for all.
"""

from typing import cast

import torch
from torch import Tensor, nn

from data.files.value_range import ValueRange
from models.codec import Codec
from models.networks.geometry import Geometry, geometry


class Graph(nn.Module):
    """uint8 or float32 [N, H, W, C] -> [N, H, W, c], any H and W from 1 up.

    Args:
        net: ready to translate: dropout off, norms settled (inference/export/norms.py).
        codec: encodes images for the network and decodes its output.
        input_range, output_range: values of the files that are -1 and 1 for the network.
        bytes_in, bytes_out: uint8 rather than float32; rounded to the nearest level.
    """

    def __init__(
        self,
        net: nn.Module,
        *,
        codec: Codec,
        input_range: ValueRange,
        output_range: ValueRange,
        bytes_in: bool,
        bytes_out: bool,
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
        images = self.codec.decode_in_torch(inputs, outputs)
        return self._to_values(images).permute(0, 2, 3, 1)

    def _to_images(self, values: Tensor) -> Tensor:
        """[N, C, H, W] of the file -> -1..1; what lies outside the range is clipped."""
        limits = self.input_range
        return ((values.float() - limits.low) / limits.half - 1.0).clamp(-1, 1)

    def _to_values(self, images: Tensor) -> Tensor:
        """The reverse. NaN becomes the lowest value, as in display/images.py."""
        limits = self.output_range
        images = torch.where(images.isnan(), torch.full_like(images, -1.0), images).clamp(-1, 1)
        values = (images + 1) * limits.half + limits.low
        return values.round().to(torch.uint8) if self.bytes_out else values


def _reflected(x: Tensor, axis: int, needs: Geometry) -> Tensor:
    """[..., side, ...] -> the next side that the network takes, as ``padding.reflect_to`` does."""
    side = x.shape[axis]
    places = torch.arange(_blocks(side, needs) * needs.multiple)
    there_and_back = 2 * side - 2
    places = places.remainder(there_and_back + 1 // side)  # a single pixel repeats
    return x.index_select(axis, _beside(x, torch.minimum(places, there_and_back - places)))


def _first(x: Tensor, axis: int, count: int) -> Tensor:
    """The first ``count`` along the axis. A slice would make torch.export ask which are all."""
    return x.index_select(axis, _beside(x, torch.arange(count)))


def _beside(x: Tensor, places: Tensor) -> Tensor:
    """On the device of x, wherever the file is run: traced, ``x.device`` would be the CPU."""
    return places.type_as(x).long()  # floats are exact up to 2**24 pixels


def _blocks(side: int, needs: Geometry) -> int:
    """How many times the network's multiple a side becomes."""
    least = -(-needs.minimum // needs.multiple)
    if _tracing():
        blocks = (side + needs.multiple - 1) // needs.multiple
        return (blocks + least + abs(blocks - least)) // 2  # a tensor, of which max() would choose
    pixels = torch.ones(side, dtype=torch.int64).sum()
    return _unknown(((pixels + needs.multiple - 1) // needs.multiple).clamp(min=least), least)


def _unknown(count: Tensor, least: int) -> int:
    """``count`` as a number of which torch.export knows no more than ``least``.

    Of sides that it knows it would decide now whether, say, a bottom of one pixel is a special
    case, and refuse all sizes that are not.
    """
    number = cast(int, count.item())  # int() would ask for its value
    torch._check(number >= least)
    return number


def _tracing() -> bool:
    """torch.jit.trace, for TorchScript and ONNX: sides are tensors then, and nothing is asked."""
    return torch.jit.is_tracing()  # type: ignore[attr-defined, no-any-return]
