"""Pictures of any size, from one pixel up, through a network that wants certain sides.

Padding goes to the right and below: a pixel keeps its place on the grid on which the network
halves the sides, and its coordinates, so that tiles of one picture
(inference/tiles/translate.py) fall on the same places.
"""

import torch
from torch import Tensor, nn

from models.networks.geometry import Geometry, geometry


def padded_side(side: int, needs: Geometry) -> int:
    """The next side from ``side`` up that a network takes, in pixels."""
    smallest = max(side, needs.minimum)
    return -(-smallest // needs.multiple) * needs.multiple


def mirrored(start: int, stop: int, side: int) -> Tensor:
    """int64 [stop - start]: which of 0..side-1 stands at each place, as between two mirrors.

    For side 3: 0 1 2 1 0 1 2 1 0 ...; the border itself is not repeated. One pixel repeats.
    """
    places = torch.arange(start, stop)
    if side == 1:
        return torch.zeros_like(places)
    there_and_back = 2 * (side - 1)
    places = places.remainder(there_and_back)
    return torch.minimum(places, there_and_back - places)


def reflect_to(x: Tensor, height: int, width: int) -> Tensor:
    """[..., h, w] -> [..., height, width]: continued to the right and below by its mirror images.

    ``x`` itself comes back where it has that size.

    Raises:
        ValueError: the picture is larger, or has no pixels.
    """
    old_height, old_width = x.shape[-2:]
    if not (0 < old_height <= height and 0 < old_width <= width):
        raise ValueError(
            f"padding makes pictures larger: {old_width} x {old_height} pixels cannot become "
            f"{width} x {height}; crop them instead"
        )
    if old_height != height:
        x = x.index_select(-2, mirrored(0, height, old_height).to(x.device))
    if old_width != width:
        x = x.index_select(-1, mirrored(0, width, old_width).to(x.device))
    return x


def translate_any_size(net: nn.Module, x: Tensor) -> Tensor:
    """[N, C, H, W] -> [N, c, H, W] for any H and W from 1 up: pad, run, crop back.

    Sizes that fit go through as they are: the result is ``net(x)`` to the bit.
    """
    needs = geometry(net)
    height, width = x.shape[-2:]
    images: Tensor = net(reflect_to(x, padded_side(height, needs), padded_side(width, needs)))
    return images[..., :height, :width]
