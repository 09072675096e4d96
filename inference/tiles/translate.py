"""Translate images that do not fit into memory, tile by tile.

The result of a ResNet equals that of the whole image, up to rounding: tiles overlap by the
receptive field, and the norms use the statistics of the whole image (inference/tiles/norms.py). A
U-Net sees the whole image; its tiles get a wide halo and are blended into each other.

Dropout is off: a mask for each tile would show as seams, and a mask for the whole image would not
fit into memory either. So the noise z of pix2pix (section 3.2) is left out; everything else is as
in a test.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

import torch
from torch import Tensor, nn

from inference.prepare import Dropout, Norm, PictureDropout, replace_modules, sharing_copy
from inference.tiles.box import Box
from inference.tiles.grid import Grid, ReadBox, WriteBox, make_grid, reflected, write_tiles
from inference.tiles.norms import View, with_tile_norms
from models.networks.geometry import geometry

log = logging.getLogger(__name__)
LOG_SECONDS = 30  # between two lines about the tiles of one image
SAMPLES = 4  # rows, and columns, of the pieces in the sample; together they are one tile

OnPass = Callable[[int, float], None]  # number of the pass, change


@dataclass(frozen=True)
class TileReport:
    """``passes``: over all tiles, to find the statistics; one more pass wrote the image.

    ``change``: how far the last pass still moved a statistic, in standard deviations.
    """

    tiles: int
    passes: int
    change: float


@torch.no_grad()
def translate_tiled(
    net: nn.Module, read: ReadBox, write: WriteBox, *, height: int, width: int, tile: int,
    halo: int | None = None, tolerance: float = 2e-3,
    on_pass: OnPass = lambda number, change: None, name: str = "a large image",
) -> TileReport:
    """Translate an image of ``height`` x ``width`` pixels in tiles of ``tile`` pixels a side.

    ``net`` comes from ``prepare``. ``read`` returns a box of the image, float32 [C, h, w], and is
    called several times for each box; ``write`` gets [c, h, w] on the CPU, once for each pixel.
    ``halo``: context on each side of a tile (pixels); default: the receptive field, but at most
    256 pixels or the network's multiple. ``tolerance``: passes are repeated until the applied
    statistics are within this many standard deviations of the measured ones, or exact; the last
    correction makes the remaining error about ten times smaller, well below one grey level of 255.
    ``name``: of the image, for a line every 30 s about the tiles that are done.

    Raises:
        ValueError: tiles too small for this network, or a network that is not prepared or has
            norms over several channels.
    """
    _check(net)
    needs = geometry(net)
    grid = make_grid(height, width, needs, tile=tile, halo=halo)
    tiles = _TiledNetwork(net, read, grid, _Progress(name, grid.tiles))
    sample = _sample(grid, tile, needs.multiple)
    passes, change = tiles.find_statistics(sample, tolerance, on_pass)
    tiles.progress.start("writing")
    write_tiles(grid, tiles.run, write)
    return TileReport(grid.tiles, passes, change)


class _Progress:
    """Logs how many tiles of a part of the work are done, and the time that this part still takes.

    A part is one pass over all tiles. How many passes follow is only known at the end.
    """

    def __init__(self, name: str, tiles: int) -> None:
        self.name, self.tiles = name, tiles
        self.logged = monotonic()

    def start(self, part: str) -> None:
        self.part, self.done, self.started = part, 0, monotonic()

    def count(self) -> None:
        self.done, now = self.done + 1, monotonic()
        if now - self.logged < LOG_SECONDS:
            return
        self.logged = now
        seconds = (now - self.started) / self.done * (self.tiles - self.done)
        log.info("%s: %s, %d of %d tiles, %s left", self.name, self.part, self.done, self.tiles,
                 timedelta(seconds=round(seconds)))


class _TiledNetwork:
    """A network without dropout whose norms share statistics over all tiles of a grid."""

    def __init__(
        self, net: nn.Module, read: ReadBox, grid: Grid, progress: _Progress
    ) -> None:
        self.grid, self.view, self.progress = grid, View(), progress
        self.read = reflected(read, grid.image)
        self.device = next((tensor.device for tensor in net.parameters()), torch.device("cpu"))
        self.net = replace_modules(
            sharing_copy(net),
            lambda module: nn.Identity() if isinstance(module, PictureDropout) else module,
        )
        # A single tile is the whole image, and its norms are right without a change.
        self.norms = with_tile_norms(self.net, self.view) if grid.tiles > 1 else []

    def run(self, core: Box, margin: int = 0) -> Tensor:
        """Return [c, h, w] on the CPU, for the core grown by ``margin``."""
        box = self.grid.tile(core)
        self.view.height, self.view.core = box.height, core.relative_to(box)
        result: Tensor = self.net(self.read(box)[None].to(self.device))[0]
        kept = core.grown(margin, self.grid.whole).relative_to(box)
        part = result[:, kept.rows, kept.columns].float().cpu()
        self.progress.count()
        return part

    def find_statistics(
        self, sample: Sequence[Box], tolerance: float, on_pass: OnPass
    ) -> tuple[int, float]:
        """Set the statistics of all norms; return the number of passes and the last change."""
        passes, change = 0, 0.0
        while self.norms:
            self.view.core = None
            self.net(torch.stack([self.read(box) for box in sample]).to(self.device))
            if passes == len(self.norms) or (passes and change <= tolerance):
                break
            self.progress.start(f"pass {passes + 1} to measure it")
            for core in self.grid.cores:
                self.run(core)
            passes, change = passes + 1, max(norm.correct() for norm in self.norms)
            on_pass(passes, change)
        return passes, change


def translate_in_tiles(net: nn.Module, image: Tensor, tile: int) -> Tensor:
    """Translate an image in memory with ``translate_tiled``: [C, H, W] -> [c, H, W] on the CPU."""
    height, width = image.shape[-2:]
    result = torch.empty(0)

    def write(box: Box, pixels: Tensor) -> None:
        nonlocal result
        if not result.numel():
            result = torch.empty(len(pixels), height, width)
        result[:, box.rows, box.columns] = pixels

    translate_tiled(net, lambda box: image[:, box.rows, box.columns], write, height=height,
                    width=width, tile=tile)
    return result


def _sample(grid: Grid, tile: int, multiple: int) -> list[Box]:
    """Return evenly spaced boxes that together hold about as many pixels as one tile."""
    side = -(-tile // SAMPLES // multiple) * multiple
    height, width = min(side, grid.whole.height), min(side, grid.whole.width)
    tops = _evenly_spaced(grid.whole.height - height, max(1, tile // side), multiple)
    lefts = _evenly_spaced(grid.whole.width - width, max(1, tile // side), multiple)
    return [Box(left, top, left + width, top + height) for top in tops for left in lefts]


def _evenly_spaced(last: int, count: int, multiple: int) -> list[int]:
    """Return at most ``count`` different multiples from 0 to ``last``."""
    return sorted({last * i // max(1, count - 1) // multiple * multiple for i in range(count)})


def _check(net: nn.Module) -> None:
    for module in net.modules():
        if isinstance(module, nn.GroupNorm | nn.LayerNorm | nn.LocalResponseNorm):
            raise ValueError(f"tiles cannot share the statistics of {type(module).__name__}; "
                             "translate the image in one piece, or make it smaller")
        batch_norm = isinstance(module, Norm) and (module.training or module.running_mean is None)
        if batch_norm or (isinstance(module, Dropout) and module.training):
            raise ValueError(f"{type(module).__name__} is in training mode; tiles need a network "
                             "from prepare(net, running_statistics=...)")
