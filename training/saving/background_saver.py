"""Writes checkpoints in the background: the copy is taken at once, the disk may be slow."""

import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from util import checkpoint
from util.text import format_bytes

Copies = dict[tuple[object, ...], torch.Tensor]  # where a tensor lies, and as what -> its copy

class Saver:
    """One set of files at a time, in the order given; ``wait`` waits for the last one.

    A failure to write is raised by the next call, in the thread that trains; ``written`` then
    names the files of that save that are on disk.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self.written: list[Path] = []

    def save(
        self, files: Mapping[Path, Mapping[str, Any]], then: Callable[[], None] | None = None
    ) -> None:
        """Copy the states to host memory, then write them; ``then`` runs when all are on disk.

        Raises:
            OSError: the save before could not be written.
        """
        self.wait()
        seen: Copies = {}
        copies = {path: to_host(state, seen) for path, state in files.items()}
        # Not a daemon: Python waits for it even if the program ends by an error.
        self._thread = threading.Thread(target=self._write, args=(copies, then), name="saver")
        self._thread.start()

    def check(self) -> None:
        """Raise what went wrong, if it is known by now. Waits for nothing."""
        if self._error is not None:
            self.wait()

    def wait(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def __enter__(self) -> "Saver":
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


def to_host(value: Any, seen: Copies | None = None) -> Any:
    """The same nest of dicts and lists with every tensor copied to host memory.

    ``seen`` holds the copies made so far: weights that several files share are copied once.
    """
    seen = {} if seen is None else seen
    if isinstance(value, torch.Tensor):
        place = (value.device, value.data_ptr(), value.dtype, value.shape, value.stride())
        if place not in seen:
            seen[place] = value.detach().to("cpu", copy=True)
        return seen[place]
    if isinstance(value, Mapping):
        items = ((key, to_host(item, seen)) for key, item in value.items())
        return type(value)(items)  # type: ignore[call-arg]
    if isinstance(value, list | tuple):
        return type(value)(to_host(item, seen) for item in value)
    return value


def require_space(folder: Path, need: int, purpose: str) -> None:
    """Raise OSError if ``folder`` has less than ``need`` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < need:
        raise OSError(
            f"{folder} has {format_bytes(free, digits=1)} free, {purpose} will take about "
            f"{format_bytes(need, digits=1)}; free some space, give another --checkpoints_dir, or "
            "save less often (--save_epoch_freq, --keep_epochs)"
        )
