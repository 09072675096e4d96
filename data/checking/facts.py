"""Read every image of a set once, and collect the facts that the checks need."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from types import MappingProxyType

import numpy as np
from tqdm import tqdm

from data.checking.layout import SourceRow
from data.checking.levels import Levels, levels_of_raster
from data.checking.measures import LookFeatures, Shift, best_shift, look
from data.files.pillow_files import PictureError
from data.files.raster import Raster
from data.files.side import Side
from data.files.source import read_together

THREADS = 4  # decoders release the interpreter lock


@dataclass(frozen=True)
class Facts:
    """Facts about one readable image."""

    size: tuple[int, int]  # width, height (pixels)
    channels: int
    colour: str  # see Raster
    levels: Levels
    blank: bool  # all pixels have one colour
    digest: bytes  # hash of the pixels, their shape and dtype, not of the file
    look: LookFeatures
    missing: int = 0  # pixels without a value
    is_empty: bool = False  # all pixels are so
    palette: bool = False  # the file holds numbers of colours that are not greys

    @property
    def kind(self) -> str:
        bands = f"{self.channels} {self.colour}" if self.colour == "bands" else self.colour
        return f"{bands} {self.levels.stored or self.levels.dtype}"


@dataclass(frozen=True)
class RowFacts:
    """``facts`` for each image of the row; () with a ``fault`` if one of them is unreadable."""

    row: SourceRow
    facts: tuple[Facts, ...] = ()
    shift: Shift | None = None  # for pairs of one size
    fault: str = ""


def collect_facts(
    rows: Sequence[SourceRow], sides: Mapping[str, Side] = MappingProxyType({})
) -> list[RowFacts]:
    """Read all rows, in their order. Terminals show the progress after 2 seconds.

    ``sides``: by letter; they mark pixels as missing.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        facts: Iterable[RowFacts] = pool.map(partial(facts_of_row, sides=sides), rows)
        return list(tqdm(facts, total=len(rows), unit=" rows", delay=2, disable=None, leave=False))


def facts_of_row(
    row: SourceRow, sides: Mapping[str, Side] = MappingProxyType({})
) -> RowFacts:
    try:
        rasters = [sides[letter].mark(raster) if letter in sides else raster for letter, raster
                   in zip(row.letters, read_together(row.sources), strict=True)]
    except PictureError as error:
        return RowFacts(row, fault=str(error))
    missing = [0 if raster.missing is None else int(raster.missing.any(axis=2).sum())
               for raster in rasters]
    facts = tuple(_facts(raster, count) for raster, count in zip(rasters, missing, strict=True))
    rasters = [raster.known for raster in rasters]
    shift = None
    if row.is_pair and same_size(facts) and not any(fact.blank for fact in facts):
        shift = best_shift(rasters[0].pixels, rasters[1].pixels)
    return RowFacts(row, facts, shift)


def same_size(facts: Sequence[Facts]) -> bool:
    """Return True for equal sizes; the right half of a file may be one pixel wider."""
    widths, heights = zip(*(fact.size for fact in facts), strict=True)
    return max(widths) - min(widths) <= 1 and len(set(heights)) == 1


def _facts(raster: Raster, missing: int) -> Facts:
    pixels = np.ascontiguousarray(raster.known.pixels)
    lows, highs = pixels.min(axis=(0, 1)), pixels.max(axis=(0, 1))
    content = blake2b(f"{pixels.shape} {pixels.dtype}".encode(), digest_size=16)
    content.update(pixels.data)
    return Facts(size=raster.size, channels=raster.channels, colour=raster.colour,
                 levels=levels_of_raster(raster),
                 blank=bool((lows == highs).all()), digest=content.digest(), look=look(pixels),
                 missing=missing, is_empty=raster.is_empty,
                 palette=raster.palette and bool((pixels[:, :, :3] != pixels[:, :, :1]).any()))
