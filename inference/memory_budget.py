"""How many pictures are translated at once, and in what tiles those that do not fit into memory."""

from functools import cached_property
from typing import Literal

import torch
from torch import Tensor, nn

from inference.padding import padded_side
from inference.prepare import sharing_copy
from inference.tiles.grid import make_grid
from models.networks.geometry import geometry
from util.free_memory import available_bytes
from util.text import format_bytes

Tile = int | Literal["auto"] | None

LARGEST_TILE = 2048  # more gains little: the halo of a ResNet is then a sixth of the work
SHARE = 0.5  # of what is free; the rest is for the pictures themselves, and for others
# Beside a layer's input and output: copies in the layout of the convolution kernels, and the
# tensors that skips and residual blocks keep. Measured on a CPU: 1.8 to 3.2 for 1024 pixels a side.
OVERHEAD = 2.5
AT_ONCE = 8  # pictures of a batch, and
PIXELS_AT_ONCE = 2**19  # of those; larger batches keep the cores no busier


def usual_batch(width: int, height: int) -> int:
    """How many pictures of that size are translated at once, where nothing else is asked for."""
    return max(1, min(AT_ONCE, PIXELS_AT_ONCE // (width * height)))


def bytes_per_pixel(net: nn.Module, in_channels: int) -> float:
    """What a pass without gradients takes at its peak, for each pixel of the picture.

    The largest input and output of a layer, found without computing anything.
    """
    needs = geometry(net)
    side = padded_side(1024, needs)
    largest = 0

    def measure(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal largest
        held = sum(tensor.numel() * tensor.element_size() for tensor in (*inputs, output))
        largest = max(largest, held)

    shapes = sharing_copy(net).to("meta")
    for module in shapes.modules():
        if not list(module.children()):
            module.register_forward_hook(measure)
    with torch.no_grad():
        shapes(torch.empty(1, in_channels, side, side, device="meta"))
    return OVERHEAD * largest / side**2


class Room:
    """How pictures go through a network: at once, or in tiles.

    ``tile``: their side (pixels); auto: only of pictures that do not fit into memory; None: never.
    """

    def __init__(self, net: nn.Module, in_channels: int, tile: Tile = "auto") -> None:
        self.net, self.in_channels, self.tile = net, in_channels, tile

    def tile_for(self, height: int, width: int) -> int | None:
        """The side of the tiles for a picture of this size; None: in one piece."""
        if self.tile == "auto":
            return auto_tile(self.net, self._pixel_bytes, height=height, width=width)
        return self.tile if self.tile and self.tile < max(height, width) else None

    def holds(self, count: int, height: int, width: int) -> bool:
        """Whether so many pictures of one size go through at once, in one piece."""
        if self.tile != "auto":
            return self.tile_for(height, width) is None
        return _fits(self.net, count * self._pixel_bytes, height, width, _available(self.net))

    @cached_property
    def _pixel_bytes(self) -> float:
        return bytes_per_pixel(self.net, self.in_channels)


def _fits(net: nn.Module, pixel_bytes: float, height: int, width: int, available: int) -> bool:
    needs = geometry(net)
    pixels = padded_side(height, needs) * padded_side(width, needs)
    return pixel_bytes * pixels <= SHARE * available


def auto_tile(
    net: nn.Module, pixel_bytes: float, *, height: int, width: int, available: int | None = None
) -> int | None:
    """None where the picture of ``height`` x ``width`` fits at once, else a side for tiles.

    ``pixel_bytes``: see ``bytes_per_pixel``. ``available``: free memory in bytes; asked of the
    network's device by default.

    Raises:
        MemoryError: not even the smallest tile fits.
    """
    available = _available(net) if available is None else available
    if _fits(net, pixel_bytes, height, width, available):
        return None
    needs = geometry(net)
    side = min(LARGEST_TILE, int((SHARE * available / pixel_bytes) ** 0.5))
    tile = side // needs.multiple * needs.multiple
    try:
        make_grid(height, width, needs, tile=tile)
    except ValueError as error:
        raise MemoryError(
            f"{width} x {height} pixels need {format_bytes(pixel_bytes * height * width)} of "
            f"memory, and {format_bytes(SHARE * available)} are left to them: {error}"
        ) from error
    return tile


def _available(net: nn.Module) -> int:
    return available_bytes(next((t.device for t in net.parameters()), torch.device("cpu")))
