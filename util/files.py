"""Write a file so that a reader, or a power cut, never meets half of it."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS)


_FULL = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the quota is used up: free some space",
    errno.EFBIG: "no file may be so large: see ulimit -f",
}


class NotWritableError(OSError):
    """The system does not let us write; the message says where, why, and the way out."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Make one sentence of a refusal to write ``path``, a file or a folder.

    Raises:
        NotWritableError: a read-only disk or folder.
        OSError: the disk is full, the quota is used up, the file is too large; the message says
            which. Others pass as they are.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise OSError(
                f"{path} could not be written: {_FULL[error.errno]}, or choose another folder "
                "(--checkpoints_dir for a training, --results_dir for a test)"
            ) from error
        if error.errno not in _REFUSALS:
            raise
        raise NotWritableError(
            f"{path} could not be written ({error.strerror}: {error.filename}); make its folder "
            "writable for this user, or choose another (--checkpoints_dir for a training, "
            "--results_dir for a test)"
        ) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path to write to; on success it is synced to disk and renamed to ``path``.

    The folder is made if missing. On an exception the unfinished file is removed and whatever
    stood at ``path`` stays as it was.

    Raises:
        NotWritableError: the folder is read-only.
    """
    # The ending is kept at the end: Pillow and matplotlib choose the format by it.
    aside = path.with_name(f".{path.stem}.partial{path.suffix}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.touch()  # torch's own writer would not tell why it cannot
    try:
        yield aside
        _sync(aside, os.O_RDWR)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    # The new name is on disk only when its folder is. Windows has no such call.
    if os.name == "posix":
        _sync(path.parent, os.O_RDONLY)


def file_size_limit() -> int | None:
    """Bytes that a file may have by ``ulimit -f``; None: no limit, or no such thing here."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return None if limit == resource.RLIM_INFINITY else limit


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8. The bytes of a file name that are no UTF-8 become ``\\udce9`` and the like."""
    with writing(path), replacing(path) as aside:
        aside.write_text(text, encoding="utf-8", errors="backslashreplace")
