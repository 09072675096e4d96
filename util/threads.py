"""Threads beside the network: they read the next input, and write finished images.

Decoding, compression and the disk release the interpreter, so threads run in parallel to it.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy.typing as npt

Pixels = npt.NDArray[Any]
Write = Callable[[Pixels, Path], object]
Item = TypeVar("Item")
Read = TypeVar("Read")

THREADS = 4  # also on few cores: half of the time they wait for the disk
WAITING = 32  # pictures for each thread: a batch of eight rows comes at once
ROOM = 256 * 2**20  # bytes of all that wait


class FileWriters:
    """Inside a ``with``, which waits for all files, whatever ends it.

    The first error of a file is raised by the next ``write``, or at the end.
    """

    def __init__(self, *, threads: int = THREADS, room: int = ROOM) -> None:
        self.lost: set[Path] = set()  # files that could not be written
        self._room = room
        self._most = threads * WAITING
        self._sizes: list[int] = []  # bytes of each that waits or is being written
        self._changed = threading.Condition()
        self._error: Exception | None = None
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="files")

    def write(self, write: Write, pixels: Pixels, path: Path) -> None:
        """Have ``write(pixels, path)`` done by a thread; waits while too much waits already.

        What alone is larger than the room is written before this returns: two such pictures
        could be more than fits into memory.
        """
        size = pixels.nbytes
        with self._changed:
            self._changed.wait_for(lambda: self._has_room(size))
            if self._error:
                raise self._error
            self._sizes.append(size)
        if size > self._room:
            self._run(write, pixels, path)
        else:
            self._pool.submit(self._run, write, pixels, path)

    def __enter__(self) -> "FileWriters":
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self._pool.shutdown()
        if self._error and kind is None:
            raise self._error

    def _has_room(self, size: int) -> bool:
        if self._error or not self._sizes:
            return True
        return len(self._sizes) < self._most and sum(self._sizes) + size <= self._room

    def _run(self, write: Write, pixels: Pixels, path: Path) -> None:
        try:
            write(pixels, path)
        except Exception as error:  # for the thread that asked: see ``write``
            with self._changed:
                self.lost.add(path)
                self._error = self._error or error
        finally:
            with self._changed:
                self._sizes.remove(pixels.nbytes)
                self._changed.notify()


def read_ahead(
    read: Callable[[Item], Read],
    items: Iterable[Item],
    *,
    is_huge: Callable[[Item], bool] = lambda item: False,
) -> Iterator[Read]:
    """``read(item)`` of each, in order; an error comes in its turn.

    ``is_huge``: of items that are read when their turn has come, since memory may not hold two.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        begun: deque[Callable[[], Read]] = deque()
        for item in items:
            begun.append(partial(read, item) if is_huge(item) else pool.submit(read, item).result)
            if len(begun) > 1:
                yield begun.popleft()()
        while begun:
            yield begun.popleft()()
