"""Find the images that cannot be used, before the training begins."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from data.files.pillow_files import PictureError
from data.files.side import Side
from data.files.source import Source, read_together
from util.runtime import count_cores

log = logging.getLogger(__name__)


def find_unreadable(sides: Sequence[Side], rows: Sequence[Sequence[Source]]) -> set[int]:
    """Indices of the rows in which an image cannot be read; each is named in a warning.

    Every file is decoded once. SourceRow by row there is one source for each of ``sides``.

    Raises:
        ValueError: not one row can be read.
    """

    def fault(row: Sequence[Source]) -> str:
        try:
            for side, source, raster in zip(sides, row, read_together(row), strict=True):
                side.convert(raster, source=source)
        except PictureError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(count_cores()) as pool:  # decoders release the interpreter
        faults = {i: text for i, text in enumerate(pool.map(fault, rows)) if text}
    for text in faults.values():
        log.warning("skipped: %s", text)
    if faults:
        log.warning("--on_bad_image skip: %d of %d left out", len(faults), len(rows))
    if rows and len(faults) == len(rows):
        raise ValueError(f"not one of {len(rows)} images can be used; the first: {faults[0]}")
    return set(faults)
