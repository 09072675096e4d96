"""Decode a few images, spread over the set, before the networks are built."""

import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from data.files.raster import Raster
from data.files.side import Side
from data.files.source import Source, read_together

log = logging.getLogger(__name__)
MOST_FILES = 20  # about a second for photos of 12 megapixels
THREADS = 4  # decoders release the interpreter


def look_at_some(sides: Sequence[Side], rows: Sequence[Sequence[Source]]) -> None:
    """Say in one line what a few of the images are, and warn where kinds are mixed.

    SourceRow by row there is one source for each of ``sides``.

    Raises:
        PictureError: one of them cannot be used for its side: it is unreadable, has other
            channels than asked for, or floating point without a range.
    """
    if not rows:
        return
    files = {file for source in rows[0] for file in source.files}
    count = min(len(rows), max(2, MOST_FILES // len(files)))
    chosen = [rows[index * (len(rows) - 1) // max(1, count - 1)] for index in range(count)]
    with ThreadPoolExecutor(THREADS) as pool:
        seen = list(pool.map(lambda row: _read(sides, row), chosen))
    what = []
    for side, rasters in zip(sides, zip(*seen, strict=True), strict=True):
        kinds = Counter(f"{raster.colour} {raster.pixels.dtype}" for raster in rasters)
        words = [f"{number} {kind}" for kind, number in kinds.most_common()]
        kind = next(iter(kinds)) if len(kinds) == 1 else ", ".join(words)
        what.append(f"{side.letter} {_sizes(rasters)} {kind}")
        if len(kinds) > 1:
            log.warning(
                "%s is mixed: %s; python scripts/check_dataset.py looks at all of them",
                side.letter, ", ".join(words),
            )
    noun = "pairs" if len(sides) == 2 else "images"
    log.info("looked at %d of %d %s: %s", count, len(rows), noun, ", ".join(what))


def _read(sides: Sequence[Side], row: Sequence[Source]) -> list[Raster]:
    rasters = read_together(row)
    for side, source, raster in zip(sides, row, rasters, strict=True):
        side.convert(raster, source=source)
    return rasters


def _sizes(rasters: Sequence[Raster]) -> str:
    sizes = sorted({raster.size for raster in rasters})
    words = [f"{width}x{height}" for width, height in sizes]
    return words[0] if len(words) == 1 else f"{words[0]} to {words[-1]}"
