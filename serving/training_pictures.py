"""The pictures that a run learned from, and those it is tested on, as far as they are still there.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from data.checking.layout import MODES, Layout, data_logs_muted, find_rows
from data.files import value_range
from data.files.pillow_files import PictureError
from data.files.raster import as_channels
from data.files.source import Source
from data.files.value_range import LEVELS, ValueRange

log = logging.getLogger(__name__)
Levels = npt.NDArray[np.uint8]  # [H, W, 3]
TEST_PHASES = ("test", "val")


def find_sources(
    saved: dict[str, Any], letter: str, phases: Sequence[str]
) -> list[Source]:
    """The pictures of one side, A or B, in the first of ``phases`` that has any; or none.

    ``saved``: the options of the run.
    """
    dataroot = saved.get("dataroot")
    if not dataroot or not Path(dataroot).is_dir():
        return []
    for phase in phases:
        try:
            layout = _find(saved, Path(dataroot), phase)
        except (FileNotFoundError, ValueError):  # no such phase; the next may be there
            continue
        sources = [
            source for row in layout.rows
            for side, source in zip(row.letters, row.sources, strict=True) if side == letter
        ]
        if sources:
            return sources
    return []


def _find(saved: dict[str, Any], dataroot: Path, phase: str) -> Layout:
    mode = saved.get("dataset_mode")
    with data_logs_muted():  # the training has said it all
        return find_rows(
            dataroot,
            mode=mode if mode in MODES else None,
            phases=[phase],
            list_file=Path(saved["pairs"]) if saved.get("pairs") else None,
            input_side="B" if saved.get("direction") == "BtoA" else "A",
            suffixes=[part for part in (saved.get("input_suffixes") or "").split(",") if part],
        )


def spread(sources: Sequence[Source], most: int) -> list[Source]:
    """At most so many, evenly over the whole."""
    count = min(most, len(sources))
    return [sources[index * len(sources) // count] for index in range(count)]


def levels_of(sources: Sequence[Source], limits: ValueRange | None = None) -> Iterator[Levels]:
    """``read_levels`` of each that can be shown."""
    for source in sources:
        try:
            yield read_levels(source, limits)
        except PictureError as error:
            log.warning("%s is left out: %s", source, error)


def read_levels(source: Source, limits: ValueRange | None = None) -> Levels:
    """The picture as a page shows it: deeper ones lose their finer levels.

    ``limits``: what is black and white in deeper ones; None: the range of their dtype.

    Raises:
        PictureError: unreadable, channels that are no colours, or a dtype without a range.
    """
    pixels = as_channels(source.cut(source.read()), 3, source=source)
    if pixels.dtype == np.uint8:
        return pixels
    limits = limits or value_range.of_dtype(pixels.dtype)
    if limits is None:
        raise PictureError(f"{source} holds {pixels.dtype}, which has no range to show")
    return LEVELS.from_tensor(limits.to_tensor(pixels), np.uint8)


def shown_by_the_run(run_dir: Path, label: str) -> list[Levels]:
    """The inputs on the training's web page: all that is left where its pictures are gone."""
    files = sorted((run_dir / "web" / "images").glob(f"*_{label}.png"))
    return list(levels_of([Source((file,)) for file in files[:: 1 + len(files) // 50]]))


def scaled(levels: Levels, size: tuple[int, int], *, mixing: bool) -> Levels:
    """To ``size`` (width, height). Without ``mixing`` no new colours come up."""
    how = Image.Resampling.BICUBIC if mixing else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(levels).resize(size, how))
