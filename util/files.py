"""Write files atomically: a reader never sees half a file, not even after a power failure.

Errors of the system, and paths that are not files, are described with what to do.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

_LONG_NAME = 128  # bytes
_MARK = 16  # hexadecimal digits
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
FULL_DISK = {  # number of an error -> reason and fix
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the quota is used up: free some space",
    errno.EFBIG: "the file is larger than ulimit -f allows",
}


class NotWritableError(OSError):
    """A file or folder is read-only; the message names it, the reason and the fix."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Explain an OSError raised while ``path``, a file or a folder, is written.

    Raises:
        NotWritableError: the disk or folder is read-only.
        OSError: the disk is full, the quota is used up, or the file is too large; the message
            names the reason. Other errors pass unchanged.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL_DISK:
            raise OSError(f"{path} could not be written: {FULL_DISK[error.errno]}, or choose "
                          "another folder (--checkpoints_dir for a training, --results_dir for a "
                          "test)") from error
        if error.errno == errno.ENAMETOOLONG:
            raise OSError(f"{path} could not be written: its path has {len(os.fsencode(path))} "
                          "bytes, its longest name "
                          f"{max(len(os.fsencode(part)) for part in path.parts)}, which is more "
                          "than this file system allows; choose a folder with a shorter path"
                          ) from error
        if error.errno not in _READ_ONLY:
            raise
        raise NotWritableError(f"{path} could not be written ({error.strerror}: {error.filename}); "
                               "make its folder writable for this user, or choose another "
                               "(--checkpoints_dir for a training, --results_dir for a test)"
                               ) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path to write to; on success it is synced to disk and renamed to ``path``.

    A missing folder is created. On an exception the unfinished file is removed and an earlier file
    at ``path`` stays unchanged.

    Raises:
        NotWritableError: the folder is read-only.
    """
    aside = _aside(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.touch()  # torch's own writer does not report why it fails
    try:
        yield aside
        _sync(aside, os.O_RDWR)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    # The new name is on disk only after its folder is synced. Windows has no such call.
    if os.name == "posix":
        _sync(path.parent, os.O_RDONLY)


def fault_of(path: Path) -> str:
    """Return why ``path`` is not a file that can be read, such as "does not exist".

    Pipes, sockets and devices are refused: reading them may never end.
    """
    if path.is_dir():
        return "is a folder"
    if path.exists():
        return "is a pipe, a socket or a device, not a file"
    return "is a link to a missing file, or to itself" if path.is_symlink() else "does not exist"


def _aside(path: Path) -> Path:
    """Return the temporary path; its extension, by which Pillow chooses the format, is the same.

    A long name gets a shorter temporary one, because file systems limit names (255 bytes, and 143
    in encrypted folders of Linux) and whole paths.
    """
    name = f".{path.stem}.partial{path.suffix}"
    if len(os.fsencode(name)) > _LONG_NAME:
        extension = path.suffix if len(path.suffix) < _MARK else ""
        name = f".{sha256(os.fsencode(path.name)).hexdigest()[:_MARK]}.partial{extension}"
    return path.with_name(name)


def file_size_limit() -> int | None:
    """Return the limit of ``ulimit -f`` in bytes; None: no limit, or the system has none."""
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
    """Write UTF-8. Bytes of file names that are not UTF-8 are written as escapes: ``\\udce9``."""
    with writing(path), replacing(path) as aside:
        aside.write_text(text, encoding="utf-8", errors="backslashreplace")
