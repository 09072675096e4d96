"""Find and read the images that a run was trained on, and its test images, if they still exist."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.checking.layout import MODES, data_logs_muted, find_rows
from data.files import value_range
from data.files.pillow_files import PictureError
from data.files.raster import as_channels
from data.files.source import Source
from data.files.value_range import LEVELS, ValueRange
from inference.generator_file import Direction

log = logging.getLogger(__name__)
RgbPixels = npt.NDArray[np.uint8]  # [H, W, 3]
MAX_INSPECTED = 60  # training images in which kind and palette are looked for


def find_sources(
    saved: dict[str, Any], letter: str, *, limit: int, first_phases: Sequence[str] = ()
) -> list[Source]:
    """Return at most ``limit`` images of side ``letter`` (A or B), evenly spaced.

    They come from the first of ``first_phases`` that exists, or from the phase of the training.
    ``saved``: the options of the run.
    """
    dataroot = Path(saved.get("dataroot") or "")
    if not saved.get("dataroot") or not dataroot.is_dir():
        return []
    mode, suffixes = saved.get("dataset_mode"), saved.get("input_suffixes") or ""
    for phase in (*first_phases, saved.get("phase", "train")):
        try:
            with data_logs_muted():  # the training has logged these messages
                layout = find_rows(dataroot, mode=mode if mode in MODES else None, phases=[phase],
                                   list_file=Path(saved["pairs"]) if saved.get("pairs") else None,
                                   input_side="B" if saved.get("direction") == "BtoA" else "A",
                                   suffixes=[suffix for suffix in suffixes.split(",") if suffix])
        except (FileNotFoundError, ValueError):  # this phase is missing; try the next one
            continue
        sides = [pair for row in layout.rows for pair in zip(row.letters, row.sources, strict=True)]
        sources = [source for side, source in sides if side == letter]
        count = min(limit, len(sources))
        if sources:
            return [sources[index * len(sources) // count] for index in range(count)]
    return []


def inspected_images(
    saved: dict[str, Any], path: Path, direction: Direction, *, limits: ValueRange | None
) -> list[RgbPixels]:
    """Return some inputs of the training: from its data set, or else from its web page."""
    sources = find_sources(saved, direction[0], limit=MAX_INSPECTED)
    if images := list(_readable(sources, limits)):
        return images
    # On the web page, real_A is the input of the run, whatever its letter in the data set.
    label = "real_A" if direction == (saved.get("direction") or "AtoB") else "real_B"
    files = sorted((path / "web" / "images").glob(f"*_{label}.png"))
    return list(_readable([Source((file,)) for file in files[:: 1 + len(files) // 50]], None))


def _readable(sources: Sequence[Source], limits: ValueRange | None) -> Iterator[RgbPixels]:
    """Yield the images. Log and skip those that cannot be read."""
    for source in sources:
        try:
            yield read_8bit_rgb(source, limits)
        except PictureError as error:
            log.warning("%s is left out: %s", source, error)


def read_8bit_rgb(source: Source, limits: ValueRange | None = None) -> RgbPixels:
    """Read an image as 8-bit RGB over the whole range; more than 8 bits lose their finer levels.

    ``limits``: black and white in these; None: the range of their dtype.

    Raises:
        PictureError: the file is unreadable, is not grey or RGB, or its dtype has no range.
    """
    pixels = as_channels(source.cut(source.read()), 3, source=source)
    if pixels.dtype == np.uint8 and limits in (None, LEVELS):
        return pixels
    limits = limits or value_range.of_dtype(pixels.dtype)
    if limits is None:
        raise PictureError(f"{source} holds {pixels.dtype}, which has no range to show")
    return LEVELS.from_tensor(limits.to_tensor(pixels), np.uint8)
