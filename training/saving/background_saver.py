"""Write checkpoints in the background: the copy is made at once, the disk may be slow."""

import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from util import checkpoint
from util.text import format_bytes

Copies = dict[tuple[object, ...], torch.Tensor]  # memory, dtype and shape of a tensor -> its copy


class BackgroundSaver:
    """Writes one set of files at a time, in the given order. At its end it waits for the last one.

    An error in writing is raised by the next call, in the thread of the caller; ``written`` then
    holds the files of that save that are on disk.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self.written: list[Path] = []

    def save(
        self, files: Mapping[Path, Mapping[str, Any]], then: Callable[[], None] | None = None
    ) -> None:
        """Copy the states to host memory and start to write them; call ``then`` after the last.

        Raises:
            OSError: the previous save failed.
        """
        self.wait()
        copies: Copies = {}
        states = {path: to_host(state, copies) for path, state in files.items()}
        # Not a daemon: Python waits for it even if the program ends with an error.
        self._thread = threading.Thread(target=self._write, args=(states, then), name="saver")
        self._thread.start()

    def check(self) -> None:
        """Raise the error of a save if it has failed already, without waiting."""
        if self._error is not None:
            self.wait()

    def wait(self) -> None:
        """Wait until the last save is on disk; raise its error."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def __enter__(self) -> "BackgroundSaver":
        return self

    def __exit__(self, *error: object) -> None:
        self.wait()

    def _write(self, files: Mapping[Path, Any], then: Callable[[], None] | None) -> None:
        self.written = []
        try:
            for path, state in files.items():
                checkpoint.save(path, state)
                self.written.append(path)
            if then is not None:
                then()
        except BaseException as error:
            self._error = error


def to_host(value: Any, copies: Copies | None = None) -> Any:
    """Return nested dicts and lists with a copy of every tensor in host memory.

    ``copies`` holds the copies made so far: tensors that several files share are copied once.
    """
    copies = {} if copies is None else copies
    if isinstance(value, torch.Tensor):
        key = (value.device, value.data_ptr(), value.dtype, value.shape, value.stride())
        if key not in copies:
            copies[key] = value.detach().to("cpu", copy=True)
        return copies[key]
    if isinstance(value, Mapping):
        items = ((key, to_host(item, copies)) for key, item in value.items())
        return type(value)(items)  # type: ignore[call-arg]
    if isinstance(value, list | tuple):
        return type(value)(to_host(item, copies) for item in value)
    return value


def require_space(folder: Path, need: int, purpose: str) -> None:
    """Raise OSError if ``folder`` has less than ``need`` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < need:
        raise OSError(f"{folder} has {format_bytes(free, digits=1)} free, {purpose} will take "
                      f"about {format_bytes(need, digits=1)}; free some space, give another "
                      "--checkpoints_dir, or save less often (--save_epoch_freq, --keep_epochs)")
