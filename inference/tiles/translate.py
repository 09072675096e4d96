"""Pictures that do not fit into memory, translated tile by tile.

The result of a ResNet is that of the whole picture at once, to rounding: tiles overlap by what the
network sees, and the norms use the statistics of the whole picture (inference/tiles/norms.py). A
U-Net sees the whole picture; its tiles get a wide halo and fade into each other.

Dropout is off: one mask per tile would show as seams, and the mask of a large picture is as large
as what does not fit. The noise z of pix2pix (section 3.2) is left out, all else is as in a test.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from inference.prepare import Dropout, Norm, PictureDropout, replace_modules, sharing_copy
from inference.tiles.box import Box
from inference.tiles.grid import (
    Grid,
    Read,
    Write,
    make_grid,
    reflected,
    write_cores,
    write_feathered,
)
from inference.tiles.norms import View, with_tile_norms
from models.networks.geometry import geometry

SAMPLES = 4  # rows, and columns, of the pieces that foretell statistics; together one tile


@dataclass(frozen=True)
class TileReport:
    """``passes``: over all tiles, to find the statistics; one more has written the picture.

    ``change``: by how much of a standard deviation the last of them still changed a statistic.
    """

    tiles: int
    passes: int
    change: float


@torch.no_grad()
def translate_tiled(
    net: nn.Module,
    read: Read,
    write: Write,
    *,
    height: int,
    width: int,
    tile: int,
    halo: int | None = None,
    tolerance: float = 2e-3,
    on_pass: Callable[[int, float], None] = lambda number, change: None,
) -> TileReport:
    """Translate a picture of ``height`` x ``width`` pixels in tiles of ``tile`` pixels a side.

    ``net`` comes from ``prepare``. ``read`` returns float32 [C, h, w] of a box of the picture and
    is called several times for each; ``write`` gets [c, h, w] on the CPU, once for each pixel. An
    input that fits may be kept in memory: ``lambda box: image[:, box.rows, box.columns]``.
    ``halo``: context on each side of a tile in pixels; by default all that the network sees, but
    not more than 256 pixels or its multiple. ``tolerance``: passes go on until the applied
    statistics are within so many standard deviations of those measured, or exact; ``on_pass`` is
    told the number of each pass and its change. The last correction makes the rest about ten times
    smaller: well below one grey level in 255.

    Raises:
        ValueError: tiles too small for this network, or a network that was not prepared, or
            with norms over several channels.
    """
    _check(net)
    needs = geometry(net)
    grid = make_grid(height, width, needs, tile=tile, halo=halo)
    device = next((tensor.device for tensor in net.parameters()), torch.device("cpu"))
    source = reflected(read, grid.picture)
    view = View()
    tiled = replace_modules(
        sharing_copy(net),
        lambda module: nn.Identity() if isinstance(module, PictureDropout) else module,
    )
    # A single tile is the whole picture, and the norms are right as they are.
    norms = with_tile_norms(tiled, view) if grid.tiles > 1 else []

    def run(core: Box, margin: int = 0) -> Tensor:
        """[c, h, w] on the CPU, of the core grown by ``margin``."""
        box = grid.tile(core)
        view.height, view.core = box.height, core.seen_from(box)
        result: Tensor = tiled(source(box)[None].to(device))[0]
        kept = core.grown(margin, grid.whole).seen_from(box)
        return result[:, kept.rows, kept.columns].float().cpu()

    def foretell() -> None:
        view.core = None
        tiled(torch.stack([source(box) for box in _sample(grid, tile, needs.multiple)]).to(device))

    passes, change = 0, 0.0
    while norms:
        foretell()
        if passes == len(norms) or (passes and change <= tolerance):
            break
        for core in grid.cores:
            run(core)
        passes, change = passes + 1, max(norm.correct() for norm in norms)
        on_pass(passes, change)
    if grid.feather:
        write_feathered(grid, lambda core: run(core, grid.feather), write)
    else:
        write_cores(grid, run, write)
    return TileReport(grid.tiles, passes, change)


def translate_in_tiles(net: nn.Module, image: Tensor, tile: int) -> Tensor:
    """``translate_tiled`` of a picture that is in memory: [C, H, W] -> [c, H, W] on the CPU."""
    height, width = image.shape[-2:]
    result = torch.empty(0)

    def write(box: Box, pixels: Tensor) -> None:
        nonlocal result
        if not result.numel():
            result = torch.empty(len(pixels), height, width)
        result[:, box.rows, box.columns] = pixels

    translate_tiled(
        net, lambda box: image[:, box.rows, box.columns], write,
        height=height, width=width, tile=tile,
    )
    return result


def _sample(grid: Grid, tile: int, multiple: int) -> list[Box]:
    """Pieces at even distances, which together hold about as many pixels as one tile."""
    side = -(-tile // SAMPLES // multiple) * multiple
    height, width = min(side, grid.whole.height), min(side, grid.whole.width)
    tops = _even(grid.whole.height - height, max(1, tile // side), multiple)
    lefts = _even(grid.whole.width - width, max(1, tile // side), multiple)
    return [Box(top, left, top + height, left + width) for top in tops for left in lefts]


def _even(last: int, count: int, multiple: int) -> list[int]:
    """At most ``count`` different multiples from 0 to ``last``."""
    return sorted({last * i // max(1, count - 1) // multiple * multiple for i in range(count)})


def _check(net: nn.Module) -> None:
    for module in net.modules():
        if isinstance(module, nn.GroupNorm | nn.LayerNorm | nn.LocalResponseNorm):
            raise ValueError(
                f"tiles cannot agree on the statistics of {type(module).__name__}; translate the "
                "picture in one piece, or make it smaller"
            )
        of_the_batch = isinstance(module, Norm) and (module.training or module.running_mean is None)
        if of_the_batch or (isinstance(module, Dropout) and module.training):
            raise ValueError(
                f"{type(module).__name__} works as in training; tiles need a network from "
                "prepare(net, running_statistics=...)"
            )
