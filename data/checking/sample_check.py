"""Decode a few images, spread over the set, before the networks are built."""

import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from data.checking.levels import levels_of_raster
from data.checking.value_ranges import range_faults
from data.files.pillow_files import PictureError
from data.files.raster import Raster
from data.files.side import Side, read_row
from data.files.source import Source
from data.files.tags.read_tags import icc_of, profile_name

log = logging.getLogger(__name__)
MOST_FILES = 20  # about a second for photos of 12 megapixels
MOST_PIXELS = 2**28  # 800 MB of RGB
THREADS = 4  # decoders release the interpreter lock
T = TypeVar("T")


def check_sample(sides: Sequence[Side], rows: Sequence[Sequence[Source]]) -> None:
    """Log the sizes, colours and types of a few images.

    Warn if one side holds several kinds, or uses a small part of its value range.

    A row has one source for each of ``sides``.

    Raises:
        PictureError: an image cannot be used for its side: it is unreadable, has another number of
            channels, or is floating point without a value range.
    """
    if not rows:
        return
    files = {file for source in rows[0] for file in source.files}
    count = min(len(rows), max(2, MOST_FILES // len(files)))
    chosen = spread_sample(rows, count)
    while len(chosen) > 1 and _pixels(sides, chosen) > MOST_PIXELS:  # they are in memory together
        chosen = chosen[::2]
    with ThreadPoolExecutor(THREADS) as pool:
        decoded = [rasters for rasters, _ in pool.map(lambda row: read_row(sides, row), chosen)]
    descriptions = []
    for side, rasters in zip(sides, zip(*decoded, strict=True), strict=True):
        kinds = Counter(f"{raster.colour} {raster.file_dtype}" for raster in rasters)
        counts = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
        kind = next(iter(kinds)) if len(kinds) == 1 else counts
        descriptions.append(f"{side.letter} {_sizes(rasters)} {kind}")
        if len(kinds) > 1:
            log.warning("%s is mixed: %s; python scripts/check_dataset.py checks all of them",
                        side.letter, counts)
        if faults := _faults_of_values(side, rasters):
            others = (f"; measured on {len(rasters)} of {len(rows)} images, python "
                      "scripts/check_dataset.py measures all" if len(rasters) < len(rows) else "")
            log.warning("%s%s", faults, others)
        _advise_one_channel(side, rasters)
    _warn_about_profiles(sides, chosen)
    noun = "pairs" if len(sides) == 2 else "images"
    log.info("checked %d of %d %s: %s", len(chosen), len(rows), noun, ", ".join(descriptions))


def hints_about_values(
    sides: Sequence[Side], examples: Mapping[str, Sequence[Source]]
) -> list[str]:
    """Return why some images (letter of a side -> sources) look black or have little contrast."""
    hints = []
    for side in sides:
        sources = examples.get(side.letter, ())
        with suppress(PictureError):  # the error is raised when the image is translated
            chosen = spread_sample(sources, min(len(sources), MOST_FILES))
            if faults := _faults_of_values(side, [read_row([side], [it])[0][0] for it in chosen]):
                hints.append(faults)
    return hints


def _faults_of_values(side: Side, rasters: Sequence[Raster]) -> str:
    """Return what is unusual about the values of one side; "" if nothing is."""
    if not rasters:
        return ""
    levels = [levels_of_raster(raster) for raster in rasters if not raster.is_empty]
    if not levels:
        return (f"{side.letter}: all {len(rasters)} images that were checked have no value in any "
                "pixel; check the files and --nan_value")
    faults = [text for _, text in range_faults(side.letter, levels, side.value_range)]
    low, high = min(image.low for image in levels), max(image.high for image in levels)
    if low == high:
        faults.append(f"{side.letter}: all {len(levels)} images that were checked hold {low:g} "
                      "everywhere; check the files")
    return "; ".join(faults)


def _advise_one_channel(side: Side, rasters: Sequence[Raster]) -> None:
    is_grey = all(raster.colour in ("gray", "gray_alpha") for raster in rasters)
    if is_grey and side.channels == 3 and side.channels_flag:
        log.info("%s holds grey images, of which 3 equal channels are made; %s 1 trains with 1 "
                 "channel, and outputs have as many", side.letter, side.channels_flag)


def _warn_about_profiles(sides: Sequence[Side], rows: Sequence[Sequence[Source]]) -> None:
    """Warn if images of one side have different profiles: equal numbers are other colours.

    Different profiles of A and of B are usual: photos have one, and their masks have none.
    """
    for side, sources in zip(sides, zip(*rows, strict=True), strict=True):
        profiles = Counter(icc_of(file) for file in
                           dict.fromkeys(file for source in sources for file in source.files))
        if len(profiles) > 1:
            names = ", ".join(f"{count} {profile_name(icc)}"
                              for icc, count in profiles.most_common())
            log.warning("images of %s have different colour profiles (%s), and are trained on as "
                        "they are; for equal colours convert them before, for example: magick "
                        "in.png -profile sRGB.icc out.png", side.letter, names)


def _pixels(sides: Sequence[Side], rows: Sequence[Sequence[Source]]) -> int:
    return sum(math.prod(source.read_size([side.channels]))
               for row in rows for side, source in zip(sides, row, strict=True))


def spread_sample(rows: Sequence[T], count: int) -> list[T]:
    """Return ``count`` rows from the first to the last, at equal distances."""
    return [rows[index * (len(rows) - 1) // max(1, count - 1)] for index in range(count)]


def _sizes(rasters: Sequence[Raster]) -> str:
    sizes = [f"{width}x{height}" for width, height in sorted({raster.size for raster in rasters})]
    return sizes[0] if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
