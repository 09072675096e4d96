"""Whether a picture fits into memory at once, and how large tiles may be where it does not."""

import torch
from torch import Tensor, nn

from models.networks.geometry import geometry
from models.networks.inference import sharing_copy
from models.networks.padding import padded_side
from models.tile_grid import make_grid
from util.free_memory import free_memory

LARGEST_TILE = 2048  # more gains little: the halo of a ResNet is then a sixth of the work
SHARE = 0.5  # of what is free; the rest is for the pictures themselves, and for others
# Beside a layer's input and output: copies in the layout of the convolution kernels, and the
# tensors that skips and residual blocks keep. Measured on a CPU: 1.8 to 3.2 for 1024 pixels a side.
OVERHEAD = 2.5


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


def available_bytes(device: torch.device) -> int:
    """Free memory of the device; of the CPU, what the machine and a container's limit leave."""
    if device.type == "cuda":
        reserved = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + reserved
    return free_memory()


def auto_tile(
    net: nn.Module, *, in_channels: int, height: int, width: int, available: int | None = None
) -> int | None:
    """None where the picture of ``height`` x ``width`` fits at once, else a side for tiles.

    ``available``: free memory in bytes; asked of the network's device by default.

    Raises:
        MemoryError: not even the smallest tile fits.
    """
    if available is None:
        device = next((tensor.device for tensor in net.parameters()), torch.device("cpu"))
        available = available_bytes(device)
    needs = geometry(net)
    pixel = bytes_per_pixel(net, in_channels)
    if pixel * padded_side(height, needs) * padded_side(width, needs) <= SHARE * available:
        return None
    side = min(LARGEST_TILE, int((SHARE * available / pixel) ** 0.5))
    tile = side // needs.multiple * needs.multiple
    try:
        make_grid(height, width, needs, tile=tile)
    except ValueError as error:
        raise MemoryError(
            f"{width} x {height} pixels need {pixel * height * width / 2**20:.0f} MB of memory, "
            f"and {SHARE * available / 2**20:.0f} MB are left to them: {error}"
        ) from error
    return tile
