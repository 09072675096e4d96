"""Decide how many images are translated at once, and in what tiles larger images are."""

from functools import cached_property
from typing import Literal

import torch
from torch import Tensor, nn

from inference.padding import padded_side
from inference.prepare import sharing_copy
from inference.tiles.grid import make_grid
from models.networks.geometry import geometry
from util.distributed import current_process
from util.free_memory import available_bytes, free_memory
from util.text import format_bytes

Tile = int | Literal["auto"] | None

LARGEST_TILE = 2048  # larger tiles gain little: the halo of a ResNet is then a sixth of the work
SHARE = 0.5  # of the free memory; the rest is for the images themselves and other programs
# Beside a layer's input and output: copies in the layout of the convolution kernels, and the
# tensors that skips and residual blocks keep. Measured on a CPU: 1.8 to 3.2 for 1024 pixels a side.
OVERHEAD = 2.5
# Bytes for each value of an image that is translated in tiles, but not read and written in boxes:
# the file's pixels, the input, the encoded input, the output and its levels, as float32. An RGB
# image of 7 million pixels took 137 bytes per pixel; 17 if it was read and written in boxes.
WHOLE_BYTES = 40
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
    None: never. ``free_bytes``: default: the free memory of the network's device, at each call.
    """

    def __init__(
        self, net: nn.Module, in_channels: int, *, tile: Tile = "auto",
        free_bytes: int | None = None,
    ) -> None:
        self.net, self.in_channels, self.tile, self.free_bytes = net, in_channels, tile, free_bytes

    def tile_for(self, height: int, width: int) -> int | None:
        """Return the side of the tiles for an image of this size; None: in one piece.

        Raises:
            MemoryError: even the smallest tile does not fit.
        """
        if self.tile != "auto":
            return self.tile if self.tile and self.tile < max(height, width) else None
        available, needs = self._available(), geometry(self.net)
        if self._need(height, width) <= available:
            return None
        side = min(LARGEST_TILE, int((available / self.pixel_bytes) ** 0.5))
        tile = side // needs.multiple * needs.multiple
        try:
            make_grid(height, width, needs, tile=tile)
        except ValueError as error:
            raise MemoryError(
                f"{width} x {height} pixels need {format_bytes(self._need(height, width))} of "
                f"memory, and {format_bytes(available)} are available for them: {error}"
            ) from error
        return tile

    def fits(self, count: int, height: int, width: int) -> bool:
        """Return whether a batch of ``count`` images fits into memory, untiled."""
        if self.tile != "auto":
            return self.tile_for(height, width) is None
        return count * self._need(height, width) <= self._available()

    def holds_whole(self, height: int, width: int) -> bool:
        """Return whether the machine holds the whole image and its translation, beside a tile."""
        free = _own_part(free_memory()) if self.free_bytes is None else self.free_bytes
        return WHOLE_BYTES * self.in_channels * height * width <= SHARE * free

    @cached_property
    def pixel_bytes(self) -> float:
        return bytes_per_pixel(self.net, self.in_channels)

    def _need(self, height: int, width: int) -> float:
        needs = geometry(self.net)
        return self.pixel_bytes * padded_side(height, needs) * padded_side(width, needs)

    def _available(self) -> float:
        device = next((t.device for t in self.net.parameters()), torch.device("cpu"))
        if self.free_bytes is not None:
            return SHARE * self.free_bytes
        free = available_bytes(device)
        return SHARE * (free if device.type == "cuda" else _own_part(free))


def _own_part(free: int) -> float:
    """Return the part of the machine's memory for this one of the processes on it."""
    return free / current_process().local_world_size
