"""Walk a folder of pictures: which files count, and where linked folders end."""

import os
from collections.abc import Iterator
from pathlib import Path

EXTENSIONS = (
    ".bmp", ".dcm", ".jpeg", ".jpg", ".npy", ".npz", ".png", ".ppm", ".tif", ".tiff", ".webp",
)


def is_picture(path: Path) -> bool:
    """By its name alone: an extension in any letter case, and no dot in front (``._x.png``)."""
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")


def visible_files(folder: Path) -> Iterator[Path]:
    """All files below ``folder`` but those whose name, or whose folder's name, begins with a dot.

    Linked sub-folders are entered; a link back to a folder on the way down to it is not. The order
    is the file system's.

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
        visible = [entry for entry in entries if not entry.name.startswith(".")]
    for entry in visible:
        if entry.is_dir():
            yield from _walk(Path(entry.path), above | {here})
        else:
            yield Path(entry.path)
