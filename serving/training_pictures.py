"""Find and read the images that a run was trained on, and its test images, if they still exist."""

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
RgbPixels = npt.NDArray[np.uint8]  # [H, W, 3]
TEST_PHASES = ("test", "val")


def find_sources(
    saved: dict[str, Any], letter: str, phases: Sequence[str]
) -> list[Source]:
    """Return the images of side ``letter`` (A or B) in the first of ``phases`` that has any.

    ``saved``: the options of the run.
    """
    dataroot = Path(saved.get("dataroot") or "")
    if not saved.get("dataroot") or not dataroot.is_dir():
        return []
    for phase in phases:
        try:
            layout = _find_layout(saved, dataroot, phase)
        except (FileNotFoundError, ValueError):  # this phase is missing; try the next one
            continue
        sources = [
            source for row in layout.rows
            for side, source in zip(row.letters, row.sources, strict=True) if side == letter
        ]
        if sources:
            return sources
    return []


def _find_layout(saved: dict[str, Any], dataroot: Path, phase: str) -> Layout:
    mode = saved.get("dataset_mode")
    with data_logs_muted():  # the training has logged these messages
        return find_rows(
            dataroot,
            mode=mode if mode in MODES else None,
            phases=[phase],
            list_file=Path(saved["pairs"]) if saved.get("pairs") else None,
            input_side="B" if saved.get("direction") == "BtoA" else "A",
            suffixes=[part for part in (saved.get("input_suffixes") or "").split(",") if part],
        )


def spread(sources: Sequence[Source], limit: int) -> list[Source]:
    """Return at most ``limit`` sources, evenly spaced."""
    count = min(limit, len(sources))
    return [sources[index * len(sources) // count] for index in range(count)]


def readable(sources: Sequence[Source], limits: ValueRange | None = None) -> Iterator[RgbPixels]:
    """Yield ``read_8bit_rgb`` of each source. Log and skip those that cannot be read."""
    for source in sources:
        try:
            yield read_8bit_rgb(source, limits)
        except PictureError as error:
            log.warning("%s is left out: %s", source, error)


def read_8bit_rgb(source: Source, limits: ValueRange | None = None) -> RgbPixels:
    """Read an image as 8-bit RGB. Images of more than 8 bits lose their finer levels.

    ``limits``: black and white in these; None: the range of their dtype.

    Raises:
        PictureError: the file is unreadable, is not grey or RGB, or its dtype has no range.
    """
    pixels = as_channels(source.cut(source.read()), 3, source=source)
    if pixels.dtype == np.uint8:
        return pixels
    limits = limits or value_range.of_dtype(pixels.dtype)
    if limits is None:
        raise PictureError(f"{source} holds {pixels.dtype}, which has no range to show")
    return LEVELS.from_tensor(limits.to_tensor(pixels), np.uint8)


def saved_inputs(run_dir: Path, label: str) -> list[RgbPixels]:
    """Return the inputs on the web page of the training, for runs whose data set is gone."""
    files = sorted((run_dir / "web" / "images").glob(f"*_{label}.png"))
    return list(readable([Source((file,)) for file in files[:: 1 + len(files) // 50]]))


def resized(pixels: RgbPixels, size: tuple[int, int], *, smooth: bool) -> RgbPixels:
    """Scale to ``size`` (width, height). Unless ``smooth``, no new colours appear."""
    method = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(pixels).resize(size, method))
