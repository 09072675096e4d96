"""Decide how many images are translated at once, and in what tiles larger images are."""

from functools import cached_property
from typing import Literal

import torch
from torch import Tensor, nn

from inference.padding import padded_side
from inference.prepare import sharing_copy
from inference.tiles.grid import make_grid
from models.networks.geometry import geometry
from util.free_memory import available_bytes

Tile = int | Literal["auto"] | None

LARGEST_TILE = 2048  # larger tiles gain little: the halo of a ResNet is then a sixth of the work
SHARE = 0.5  # of the free memory; the rest is for the images themselves and other programs
# Beside a layer's input and output: copies in the layout of the convolution kernels, and the
# tensors that skips and residual blocks keep. Measured on a CPU: 1.8 to 3.2 for 1024 pixels a side.
OVERHEAD = 2.5
# Larger batches (images, pixels) do not use the cores any better.
LARGEST_BATCH = 8
LARGEST_BATCH_PIXELS = 2**19


def usual_batch(width: int, height: int) -> int:
    """Return the default batch size for images of this size."""
    return max(1, min(LARGEST_BATCH, LARGEST_BATCH_PIXELS // (width * height)))


def bytes_per_pixel(net: nn.Module, in_channels: int) -> float:
    """Return the peak memory of a pass without gradients, for each pixel of the image.

    It is derived from the largest input and output of a layer, without computing anything.
    """
    side = padded_side(1024, geometry(net))
    largest = 0

    def measure(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal largest
        size = sum(tensor.numel() * tensor.element_size() for tensor in (*inputs, output))
        largest = max(largest, size)

    meta = sharing_copy(net).to("meta")
    for module in meta.modules():
        if not list(module.children()):
            module.register_forward_hook(measure)
    with torch.no_grad():
        meta(torch.empty(1, in_channels, side, side, device="meta"))
    return OVERHEAD * largest / side**2


class MemoryBudget:
    """Decides whether images pass through a network whole or in tiles.

    ``tile``: side of the tiles (pixels); auto: tiles only for images that do not fit into memory;
    None: never.
    """

    def __init__(self, net: nn.Module, in_channels: int, tile: Tile = "auto") -> None:
        self.net, self.in_channels, self.tile = net, in_channels, tile

    def tile_for(self, height: int, width: int) -> int | None:
        """Return the side of the tiles for an image of this size; None: in one piece."""
        if self.tile == "auto":
            return auto_tile(self.net, self._pixel_bytes, height=height, width=width)
        return self.tile if self.tile and self.tile < max(height, width) else None

    def fits(self, count: int, height: int, width: int) -> bool:
        """Return whether a batch of ``count`` images fits into memory, untiled."""
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
    """Return None if an image of ``height`` x ``width`` fits into memory, else a side for tiles.

    ``pixel_bytes``: see ``bytes_per_pixel``. ``available``: free memory in bytes; default: the
    free memory of the network's device.

    Raises:
        MemoryError: even the smallest tile does not fit.
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
            f"{width} x {height} pixels need {pixel_bytes * height * width / 2**20:.0f} MB of "
            f"memory, and {SHARE * available / 2**20:.0f} MB are available for them: {error}"
        ) from error
    return tile


def _available(net: nn.Module) -> int:
    return available_bytes(next((t.device for t in net.parameters()), torch.device("cpu")))
