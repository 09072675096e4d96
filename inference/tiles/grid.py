"""How a picture is cut into tiles, and how overlapping results become one picture."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from inference.padding import mirrored, padded_side
from inference.tiles.box import Box
from models.networks.geometry import Geometry

Read = Callable[[Box], Tensor]
Write = Callable[[Box, Tensor], None]

# More context than this is not given by default: it is what exactness costs for deep ResNets,
# while a U-Net would need three times its multiple on each side of a tile.
WIDEST_HALO = 256


def _up(side: int, multiple: int) -> int:
    return -(-side // multiple) * multiple


@dataclass(frozen=True)
class Grid:
    """Cores that fill the picture, each with ``halo`` pixels of context where there are any.

    The picture is continued by reflection to sides that the network takes (``whole``), as
    ``translate_any_size`` does; the cores lie on its multiple.
    """

    picture: Box
    whole: Box
    rows: tuple[int, ...]  # the borders of the cores, both ends included
    columns: tuple[int, ...]
    halo: int
    feather: int  # results overlap by so much on both sides of a border; 0: tiles agree

    @property
    def tiles(self) -> int:
        return (len(self.rows) - 1) * (len(self.columns) - 1)

    @property
    def cores(self) -> Iterator[Box]:
        for top, bottom in pairwise(self.rows):
            for left, right in pairwise(self.columns):
                yield Box(top, left, bottom, right)

    def tile(self, core: Box) -> Box:
        return core.grown(self.halo, self.whole)


def make_grid(
    height: int, width: int, needs: Geometry, *, tile: int, halo: int | None = None
) -> Grid:
    """Tiles of at most ``tile`` pixels a side, halo included.

    Raises:
        ValueError: the tile has no room for its halo.
    """
    multiple = needs.multiple
    exact = _up(needs.reach, multiple)
    if halo is None:
        halo = min(exact, max(WIDEST_HALO, multiple))
    halo = min(_up(halo, multiple), exact)
    whole = Box(0, 0, padded_side(height, needs), padded_side(width, needs))
    core = (tile - 2 * halo) // multiple * multiple
    if max(whole.height, whole.width) > tile and core < max(multiple, needs.minimum):
        wanted = 2 * halo + _up(max(multiple, needs.minimum), multiple)
        raise ValueError(
            f"tiles of {tile} pixels are too small: this network needs {halo} pixels of context "
            f"on each side, so at least {wanted}"
        )
    return Grid(
        picture=Box(0, 0, height, width), whole=whole,
        rows=_borders(whole.height, core if whole.height > tile else whole.height, multiple),
        columns=_borders(whole.width, core if whole.width > tile else whole.width, multiple),
        halo=halo, feather=0 if halo == exact else halo // 2,
    )


def _borders(side: int, largest: int, multiple: int) -> tuple[int, ...]:
    """Cores as equal as the multiple allows, none above ``largest``."""
    core = _up(-(-side // -(-side // largest)), multiple)
    return (*range(0, side, core), side)


def reflected(read: Read, picture: Box) -> Read:
    """Read boxes that reach beyond the picture to the right and below."""

    def read_any(box: Box) -> Tensor:
        if box == box.cut(picture):
            return read(box)
        rows = mirrored(box.top, box.bottom, picture.height)
        columns = mirrored(box.left, box.right, picture.width)
        top, left = int(rows.min()), int(columns.min())
        inside = read(Box(top, left, int(rows.max()) + 1, int(columns.max()) + 1))
        return inside.index_select(-2, rows - top).index_select(-1, columns - left)

    return read_any


def write_cores(grid: Grid, results: Callable[[Box], Tensor], write: Write) -> None:
    """Each core as it is. ``results``: box of the core -> [C, h, w]."""
    for core in grid.cores:
        inside = core.cut(grid.picture)
        if inside.height > 0 and inside.width > 0:
            write(inside, results(core)[:, : inside.height, : inside.width])


def write_feathered(grid: Grid, results: Callable[[Box], Tensor], write: Write) -> None:
    """Fade neighbours into each other over ``2 * feather`` pixels; written in strips of rows.

    ``results``: box of the core -> [C, h, w] of the core grown by the feather.
    """
    strip = torch.zeros(0)  # the sums of weight x result, and below them of the weights
    top = 0
    for start, stop in pairwise(grid.rows):
        bottom = min(stop + grid.feather, grid.whole.bottom)
        for left, right in pairwise(grid.columns):
            core = Box(start, left, stop, right)
            grown = core.grown(grid.feather, grid.whole)
            weight = _ramp(grown.top, grown.bottom, core.top, core.bottom)[:, None] * _ramp(
                grown.left, grown.right, core.left, core.right
            )
            result = results(core)
            if left == 0:
                strip = _grown_strip(strip, len(result) + 1, bottom - top, grid.whole.width)
            place = grown.seen_from(Box(top, 0, bottom, grid.whole.width))
            strip[:-1, place.rows, place.columns] += result * weight
            strip[-1, place.rows, place.columns] += weight
        done = stop - grid.feather if stop < grid.whole.bottom else stop
        finished = Box(top, 0, done, grid.whole.width).cut(grid.picture)
        if finished.height > 0:
            parts = strip[:, : finished.height, : finished.width]
            write(finished, parts[:-1] / parts[-1])
        strip, top = strip[:, done - top :], done


def _grown_strip(strip: Tensor, channels: int, height: int, width: int) -> Tensor:
    """The rows left over from the strip before, with empty ones below."""
    grown = torch.zeros(channels, height, width)
    if strip.numel():
        grown[:, : strip.shape[1]] = strip
    return grown


def _ramp(start: int, stop: int, core_start: int, core_stop: int) -> Tensor:
    """Weights of the pixels start..stop: 1 inside the core, falling to 0 beyond its borders."""
    places = torch.arange(start, stop) + 0.5
    rising, falling = torch.ones(len(places)), torch.ones(len(places))
    if start < core_start:
        rising = (places - start) / (2 * (core_start - start))
    if stop > core_stop:
        falling = (stop - places) / (2 * (stop - core_stop))
    return rising.clamp(0, 1) * falling.clamp(0, 1)
