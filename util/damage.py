"""What is wrong with a file of tensors, in our own words, and which others are whole."""

import re
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

_CODE = re.compile(r"GLOBAL (\S+?)[:,]? (?:was not|whose)|reduce|create new object")


def is_damaged(path: Path) -> bool:
    """Whether a checksum in the archive is wrong. Reads all of it: 600 MB take half a second.

    torch itself compares no checksums. Files of before PyTorch 1.6 are no archives and have none.
    """
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is not None
    # A damaged entry may claim another place, name, compression or password.
    except (zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, EOFError, OSError):
        return True


def describe(error: Exception | None) -> str:
    """Why a file could not be read; None: its checksums are wrong."""
    code = _CODE.search(str(error))
    if code:
        what = f" ({code[1]})" if code[1] else ""
        return (
            f"holds code or objects of code{what}, which is never run; "
            "only tensors and plain values are taken"
        )
    return "is damaged, or was not written by torch.save: copy it again"


def newest_whole(files: Iterable[Path]) -> Path | None:
    """The file that was written last, of those whose checksums are right."""
    by_age = sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)
    whole = (file for file in by_age if zipfile.is_zipfile(file) and not is_damaged(file))
    return next(whole, None)
