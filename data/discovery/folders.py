"""List the image files of a folder."""

import os
from collections.abc import Iterator
from pathlib import Path

from data.discovery.leftovers import is_leftover

EXTENSIONS = (
    ".bmp", ".dcm", ".jpeg", ".jpg", ".npy", ".npz", ".png", ".ppm", ".tif", ".tiff", ".webp",
)


def is_picture(path: Path) -> bool:
    """Return True for a known extension, in any letter case, and no ``is_leftover``."""
    return path.suffix.lower() in EXTENSIONS and not is_leftover(path.name)


def visible_files(folder: Path) -> Iterator[Path]:
    """Yield all files below ``folder`` in no particular order, without ``is_leftover``.

    Linked sub-folders are entered, but not links back to a folder that is being walked.

    Raises:
        OSError: a folder cannot be read; the message names it.
    """
    return _walk(folder, frozenset())


def _walk(folder: Path, above: frozenset[tuple[int, int]]) -> Iterator[Path]:
    status = folder.stat()
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    with os.scandir(folder) as entries:
        visible = [entry for entry in entries if not is_leftover(entry.name)]
    for entry in visible:
        if entry.is_dir():
            yield from _walk(Path(entry.path), above | {here})
        else:
            yield Path(entry.path)
