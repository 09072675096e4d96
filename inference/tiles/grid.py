"""Cut an image into tiles, and join overlapping results into one image."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from inference.padding import mirrored, padded_side
from inference.tiles.box import Box
from models.networks.geometry import Geometry

ReadBox = Callable[[Box], Tensor]  # -> [C, h, w]
WriteBox = Callable[[Box, Tensor], None]

# The default halo is not larger than this (pixels): it is enough for exact results of deep
# ResNets, while a U-Net would need three times its multiple on each side of a tile.
WIDEST_HALO = 256


def _round_up(side: int, multiple: int) -> int:
    return -(-side // multiple) * multiple


@dataclass(frozen=True)
class Grid:
    """Cores that cover the image; a tile is a core with up to ``halo`` pixels around it.

    ``whole``: the image extended by reflection to sides that the network accepts, as in
    ``translate_any_size``. The borders of the cores are multiples of the network's multiple.
    """

    image: Box
    whole: Box
    rows: tuple[int, ...]  # borders of the cores, both ends included
    columns: tuple[int, ...]
    halo: int
    feather: int  # width of the overlap on each side of a border; 0: tiles agree exactly

    @property
    def tiles(self) -> int:
        return (len(self.rows) - 1) * (len(self.columns) - 1)

    @property
    def cores(self) -> Iterator[Box]:
        for top, bottom in pairwise(self.rows):
            for left, right in pairwise(self.columns):
                yield Box(left, top, right, bottom)

    def tile(self, core: Box) -> Box:
        return core.grown(self.halo, self.whole)


def make_grid(
    height: int, width: int, needs: Geometry, *, tile: int, halo: int | None = None
) -> Grid:
    """Return a grid of tiles with sides of at most ``tile`` pixels, halo included.

    Raises:
        ValueError: the tile is too small for its halo.
    """
    multiple = needs.multiple
    exact = _round_up(needs.reach, multiple)
    if halo is None:
        halo = min(exact, max(WIDEST_HALO, multiple))
    halo = min(_round_up(halo, multiple), exact)
    whole = Box(0, 0, padded_side(width, needs), padded_side(height, needs))
    core = (tile - 2 * halo) // multiple * multiple
    if max(whole.height, whole.width) > tile and core < max(multiple, needs.minimum):
        wanted = 2 * halo + _round_up(max(multiple, needs.minimum), multiple)
        raise ValueError(f"tiles of {tile} pixels are too small: this network needs {halo} pixels "
                         f"of context on each side, so at least {wanted}")
    return Grid(
        image=Box(0, 0, width, height), whole=whole,
        rows=_borders(whole.height, core if whole.height > tile else whole.height, multiple),
        columns=_borders(whole.width, core if whole.width > tile else whole.width, multiple),
        halo=halo, feather=0 if halo == exact else halo // 2,
    )


def _borders(side: int, largest: int, multiple: int) -> tuple[int, ...]:
    """Divide ``side`` into cores of equal size, as far as ``multiple`` allows."""
    core = _round_up(-(-side // -(-side // largest)), multiple)
    return (*range(0, side, core), side)


def reflected(read: ReadBox, image: Box) -> ReadBox:
    """Return a reader for boxes that reach beyond the image on the right and below."""

    def read_any(box: Box) -> Tensor:
        if box == box.clipped(image):
            return read(box)
        rows = mirrored(box.top, box.bottom, image.height)
        columns = mirrored(box.left, box.right, image.width)
        top, left = int(rows.min()), int(columns.min())
        inside = read(Box(left, top, int(columns.max()) + 1, int(rows.max()) + 1))
        return inside.index_select(-2, rows - top).index_select(-1, columns - left)

    return read_any


def write_tiles(grid: Grid, run: Callable[[Box, int], Tensor], write: WriteBox) -> None:
    """Write the results of all tiles; ``run``: core, margin -> [C, h, w] of the grown core."""
    if grid.feather:
        _write_feathered(grid, run, write)
        return
    for core in grid.cores:
        inside = core.clipped(grid.image)
        if inside.height > 0 and inside.width > 0:
            write(inside, run(core, 0)[:, : inside.height, : inside.width])


def _write_feathered(grid: Grid, run: Callable[[Box, int], Tensor], write: WriteBox) -> None:
    """Blend neighbours over ``2 * feather`` pixels; write the image in strips of rows."""
    strip = torch.zeros(0)  # channels: sums of weight * result; the last one: sums of weights
    top = 0
    for start, stop in pairwise(grid.rows):
        bottom = min(stop + grid.feather, grid.whole.bottom)
        for left, right in pairwise(grid.columns):
            core = Box(left, start, right, stop)
            grown = core.grown(grid.feather, grid.whole)
            weight = _ramp(grown.top, grown.bottom, core.top, core.bottom)[:, None] * _ramp(
                grown.left, grown.right, core.left, core.right
            )
            result = run(core, grid.feather)
            if left == 0:  # keep the rows that the previous strip left over
                empty = torch.zeros(len(result) + 1, 0, grid.whole.width)
                kept = strip if strip.numel() else empty
                strip = functional.pad(kept, (0, 0, 0, bottom - top - kept.shape[1]))
            place = grown.relative_to(Box(0, top, grid.whole.width, bottom))
            strip[:-1, place.rows, place.columns] += result * weight
            strip[-1, place.rows, place.columns] += weight
        done = stop - grid.feather if stop < grid.whole.bottom else stop
        finished = Box(0, top, grid.whole.width, done).clipped(grid.image)
        if finished.height > 0:
            sums = strip[:, : finished.height, : finished.width]
            write(finished, sums[:-1] / sums[-1])
        strip, top = strip[:, done - top :], done


def _ramp(start: int, stop: int, core_start: int, core_stop: int) -> Tensor:
    """Return the weights of pixels start..stop: 1 inside the core, falling to 0 outside it."""
    weights = torch.ones(stop - start)
    places = torch.arange(start, stop) + 0.5
    if start < core_start:
        weights *= ((places - start) / (2 * (core_start - start))).clamp(0, 1)
    if stop > core_stop:
        weights *= ((stop - places) / (2 * (stop - core_stop))).clamp(0, 1)
    return weights
