"""Pass images of any size, from one pixel up, through a network that requires certain sides.

Padding is added on the right and below. So pixels keep their coordinates and their place on the
grid on which the network halves the sides, and tiles of one image (inference/tiles/translate.py)
fall on the same places.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.networks.geometry import Geometry, geometry


def padded_side(side: int, needs: Geometry) -> int:
    """Return the smallest side, from ``side`` up, that the network accepts (pixels)."""
    smallest = max(side, needs.minimum)
    return -(-smallest // needs.multiple) * needs.multiple


def mirrored(start: int, stop: int, side: int) -> Tensor:
    """Return the source index, int64 in 0..side-1, of each place start..stop under reflection.

    For side 3: 0 1 2 1 0 1 2 1 0 ...; the border itself is not repeated. One pixel repeats.
    """
    places = torch.arange(start, stop)
    if side == 1:
        return torch.zeros_like(places)
    period = 2 * (side - 1)
    places = places.remainder(period)
    return torch.minimum(places, period - places)


def reflect_to(x: Tensor, height: int, width: int) -> Tensor:
    """Extend [..., h, w] by reflection on the right and below to [..., height, width].

    ``x`` itself is returned if it already has that size.

    Raises:
        ValueError: the image is larger, or has no pixels.
    """
    old_height, old_width = x.shape[-2:]
    if not (0 < old_height <= height and 0 < old_width <= width):
        raise ValueError(f"padding makes images larger: {old_width} x {old_height} pixels cannot "
                         f"become {width} x {height}; crop them instead")
    for axis, old, new in ((-2, old_height, height), (-1, old_width, width)):
        if old != new:
            x = x.index_select(axis, mirrored(0, new, old).to(x.device))
    return x


def translate_any_size(
    net: nn.Module, x: Tensor, run: Callable[[Tensor], Tensor] | None = None
) -> Tensor:
    """Pad, translate and crop: [N, C, H, W] -> [N, c, H, W] for any H and W from 1 up.

    For sizes that the network accepts the result is exactly ``run(x)``, by default ``net(x)``.
    """
    needs = geometry(net)
    height, width = x.shape[-2:]
    padded = reflect_to(x, padded_side(height, needs), padded_side(width, needs))
    images: Tensor = (run or net)(padded)
    return images[..., :height, :width]
