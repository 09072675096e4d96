"""A block of bytes that the training process and its workers share, in memory or in a file."""

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
    """Zeros at first. Nothing of it outlasts the processes, however they end."""

    def __init__(self, size: int) -> None:
        # As torch's own collate does it: the file behind it is unlinked at once.
        storage = torch.UntypedStorage._new_shared(size)
        self._open(torch.tensor([], dtype=torch.uint8).set_(storage))

    def _open(self, tensor: torch.Tensor) -> None:
        self._tensor = tensor
        self.bytes: Bytes = tensor.numpy()

    def __getstate__(self) -> torch.Tensor:
        return self._tensor

    def __setstate__(self, tensor: torch.Tensor) -> None:
        self._open(tensor)


class SharedFile:
    """Zeros at first. The file lies in the folder for temporary files (TMPDIR), and is removed
    at the end of the program; a killed one leaves it there.
    """

    def __init__(self, size: int) -> None:
        handle, name = tempfile.mkstemp(prefix="pictures_", suffix=".cache")
        self._path = Path(name)
        self._size = size
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(handle, 0, size)  # a full disk is an error now, not a crash
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
    """A forked worker has the object too, and must leave the file to the others."""
    if os.getpid() == owner:
        path.unlink(missing_ok=True)


def shared_memory_left() -> int | None:
    """Bytes; None: the system sets no limit of its own."""
    return shutil.disk_usage(SHARED_MEMORY).free if SHARED_MEMORY.is_dir() else None


def temporary_space_left() -> int:
    return shutil.disk_usage(tempfile.gettempdir()).free
