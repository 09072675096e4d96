"""Write a file so that a reader, or a power cut, never meets half of it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path to write to; on success it is synced to disk and renamed to ``path``.

    The folder is made if missing. On an exception the unfinished file is removed and whatever
    stood at ``path`` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The ending is kept at the end: Pillow and matplotlib choose the format by it.
    aside = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield aside
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with replacing(path) as aside:
        aside.write_text(text, encoding="utf-8")
