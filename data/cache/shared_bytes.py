"""Bytes that the training process and its workers share, in memory or in a file."""

import mmap
import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Bytes = npt.NDArray[np.uint8]
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

    The file is removed when the program ends; a killed program leaves it there.
    """

    def __init__(self, size: int) -> None:
        handle, name = tempfile.mkstemp(prefix="pictures_", suffix=".cache")
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
        weakref.finalize(self, _remove, self._path, os.getpid())

    def _open(self) -> None:
        with self._path.open("r+b") as file:
            mapped = mmap.mmap(file.fileno(), self._size)
        self.bytes: Bytes = np.frombuffer(mapped, np.uint8)

    def __getstate__(self) -> dict[str, Any]:
        return {"_path": self._path, "_size": self._size}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()


def _remove(path: Path, owner: int) -> None:
    """Remove the file, but only in the process that created it, not in a forked worker."""
    if os.getpid() == owner:
        path.unlink(missing_ok=True)


def shared_memory_left() -> int | None:
    """Return the free bytes; None if the system has no separate limit."""
    return shutil.disk_usage(SHARED_MEMORY).free if SHARED_MEMORY.is_dir() else None


def temporary_space_left() -> int:
    return shutil.disk_usage(tempfile.gettempdir()).free
