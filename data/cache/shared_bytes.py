"""Bytes that the training process and its workers share, in memory or in a file."""

import contextlib
import mmap
import os
import shutil
import tempfile
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Bytes = npt.NDArray[np.uint8]
_PREFIX, _SUFFIX = "pictures_", ".cache"
_NEW_SECONDS = 60
SHARED_MEMORY = Path("/dev/shm")  # Linux; containers often have 64 MB of it


class SharedMemory:
    """Bytes that are zero at first. The system frees them when the last process ends."""

    def __init__(self, size: int) -> None:
        # As in torch's own collate: the file behind the memory is unlinked immediately.
        storage = torch.UntypedStorage._new_shared(size)
        self.__setstate__(torch.tensor([], dtype=torch.uint8).set_(storage))

    def __getstate__(self) -> torch.Tensor:
        return self._tensor

    def __setstate__(self, tensor: torch.Tensor) -> None:
        self._tensor = tensor
        self.bytes: Bytes = tensor.numpy()


class SharedFile:
    """Bytes that are zero at first, in a file in the folder for temporary files (TMPDIR).

    The file is removed when the program ends. A killed program leaves it there, until the next one
    creates such a file: the system releases the lock on it.
    """

    def __init__(self, size: int) -> None:
        _remove_abandoned(Path(tempfile.gettempdir()))
        handle, name = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX)
        self._path = Path(name)
        self._size = size
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(handle, 0, size)  # an error now if the disk is full
            else:
                os.truncate(handle, size)
        except OSError:
            self._path.unlink()
            raise
        finally:
            os.close(handle)
        self._open()
        weakref.finalize(self, _remove, self._path, os.getpid(), _lock(self._path))

    def _open(self) -> None:
        with self._path.open("r+b") as file:
            mapped = mmap.mmap(file.fileno(), self._size)
        self.bytes: Bytes = np.frombuffer(mapped, np.uint8)

    def __getstate__(self) -> dict[str, Any]:
        return {"_path": self._path, "_size": self._size}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()


def _lock(path: Path, *, only: bool = False) -> int | None:
    """Return a handle that holds a lock on the file, for this process and those forked from it.

    ``only``: no other process may hold it. None: there is no such lock, or another process has it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    handle = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB if only else fcntl.LOCK_SH)
    except OSError:
        os.close(handle)
        return None
    return handle


def _remove_abandoned(folder: Path) -> None:
    """Remove the files of programs that were killed. The newest are left: they have no lock yet."""
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with contextlib.suppress(OSError):  # files of another user, or removed in the meantime
            if time.time() - path.stat().st_mtime < _NEW_SECONDS:
                continue
            if (handle := _lock(path, only=True)) is not None:
                path.unlink()
                os.close(handle)


def _remove(path: Path, owner: int, lock: int | None) -> None:
    """Remove the file, but only in the process that created it, not in a forked worker."""
    if os.getpid() == owner:
        path.unlink(missing_ok=True)
        if lock is not None:
            os.close(lock)


def shared_memory_left() -> int | None:
    """Return the free bytes; None if the system has no separate limit."""
    return shutil.disk_usage(SHARED_MEMORY).free if SHARED_MEMORY.is_dir() else None


def temporary_space_left() -> int:
    return shutil.disk_usage(tempfile.gettempdir()).free
