"""Find out before the training which images it can use."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from data.checking.sample_check import check_sample
from data.files.pillow_files import PictureError
from data.files.side import Side, read_row
from data.files.source import Source
from data.transforms import Recipe
from util.files import fault_of
from util.runtime import count_cores

log = logging.getLogger(__name__)
Row = tuple[Source, ...]


def usable_rows(
    sides: Sequence[Side], rows: Sequence[Row], *, recipe: Recipe, skip_bad: bool, decode_some: bool
) -> list[Row]:
    """Return the rows of which every image can be used, in their order.

    A row has one source for each of ``sides``. With ``skip_bad`` every file is read once, and rows
    with an unreadable image are left out with a warning. Otherwise a bad file raises an error when
    its turn comes, or here if ``decode_some`` finds it: that decodes a few images and logs what
    they are.

    Raises:
        ValueError: no row is left, or images are smaller than the crop.
    """
    if not skip_bad:
        _refuse_missing(rows)
    else:
        bad = find_unreadable(sides, rows)
        rows = [row for index, row in enumerate(rows) if index not in bad]
    if recipe.preprocess == "crop":  # the other modes scale the image first
        _check_sizes(sides, rows, recipe)
    if decode_some:
        check_sample(sides, rows)
    return list(rows)


def _refuse_missing(rows: Sequence[Row]) -> None:
    """Refuse links to missing files before the start; other faults are found when they are read."""
    for file in (file for row in rows for source in row for file in source.files):
        if not file.exists():
            raise PictureError(f"{file} {fault_of(file)}; repair or remove it")


def find_unreadable(sides: Sequence[Side], rows: Sequence[Row]) -> set[int]:
    """Decode every file once and return the indices of the rows that cannot be used.

    Raises:
        ValueError: none of the rows can be used.
    """

    def fault(row: Row) -> str:
        try:
            read_row(sides, row)
        except PictureError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(count_cores()) as pool:  # decoders release the interpreter lock
        faults = {i: text for i, text in enumerate(pool.map(fault, rows)) if text}
    if rows and len(faults) == len(rows):
        raise ValueError(f"none of {len(rows)} images can be used; the first: {faults[0]}")
    for text in faults.values():
        log.warning("skipped: %s", text)
    if faults:
        log.warning("--on_bad_image skip: %d of %d left out", len(faults), len(rows))
    return set(faults)


def _check_sizes(sides: Sequence[Side], rows: Sequence[Row], recipe: Recipe) -> None:
    """Compare the sizes in the headers with the crop; about 0.1 ms per file."""
    sources = [(side, source) for row in rows for side, source in zip(sides, row, strict=True)]
    sizes = ((source, source.read_size([side.channels])) for side, source in sources)
    small = [(source, size) for source, size in sizes if not recipe.fits(size)]
    if small:
        source, (width, height) = small[0]
        raise ValueError(f"{len(small)} of {len(sources)} images are too small for --crop_size "
                         f"{recipe.crop_size} (pixels), the first is {source}: {width} x {height}; "
                         "lower --crop_size, or use --preprocess resize_and_crop, or remove them")
