"""Threads that read the next input and write finished images while the network computes.

Decoding, compression and disk access release the interpreter lock, so threads run in parallel.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy.typing as npt

from util.distributed import current_process
from util.runtime import count_cores

Pixels = npt.NDArray[Any]
Write = Callable[[Pixels, Path], object]
Item = TypeVar("Item")
Read = TypeVar("Read")

THREADS = (4, 8)  # least: also on few cores, since half of the time they wait for the disk; most
QUEUE_LENGTH = 32  # images per thread: the results of a batch arrive together
QUEUE_BYTES = 256 * 2**20


class FileWriters:
    """Writes files in threads. Use it in a ``with`` statement, whose end waits for all files.

    The first error of a file is raised by the next ``write``, or at the end. ``threads``: None: one
    for two cores of this process, within ``THREADS``.
    """

    def __init__(self, *, threads: int | None = None, queue_bytes: int = QUEUE_BYTES) -> None:
        least, most = THREADS
        cores = count_cores() // current_process().local_world_size
        threads = threads or max(least, min(most, cores // 2))
        self.failed: set[Path] = set()  # files that could not be written
        self._queue_bytes = queue_bytes
        self._queue_length = threads * QUEUE_LENGTH
        self._sizes: list[int] = []  # bytes of each image that waits or is being written
        self._changed = threading.Condition()
        self._error: Exception | None = None
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="files")

    def write(self, write: Write, pixels: Pixels, path: Path) -> None:
        """Call ``write(pixels, path)`` in a thread; wait first while the queue is full.

        An image larger than the whole queue is written before this returns: two such images might
        not fit into memory.
        """
        size = pixels.nbytes
        with self._changed:
            self._changed.wait_for(lambda: self._has_room(size))
            if self._error:
                raise self._error
            self._sizes.append(size)
        if size > self._queue_bytes:
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
        return (len(self._sizes) < self._queue_length
                and sum(self._sizes) + size <= self._queue_bytes)

    def _run(self, write: Write, pixels: Pixels, path: Path) -> None:
        try:
            write(pixels, path)
        except Exception as error:  # raised in the main thread: see ``write``
            with self._changed:
                self.failed.add(path)
                self._error = self._error or error
        finally:
            with self._changed:
                self._sizes.remove(pixels.nbytes)
                self._changed.notify()


def read_ahead(
    read: Callable[[Item], Read], items: Iterable[Item], *,
    is_huge: Callable[[Item], bool] = lambda item: False, ahead: int = 1
) -> Iterator[Read]:
    """Yield ``read(item)`` in the order of the items, and raise an error in the same order.

    ``ahead`` items are read at once, each in a thread, before they are wanted; but none for which
    ``is_huge(item)``, since memory may not hold two of these.
    """
    with ThreadPoolExecutor(ahead, thread_name_prefix="ahead") as pool:
        pending: deque[Callable[[], Read]] = deque()
        for item in items:
            pending.append(partial(read, item) if is_huge(item) else pool.submit(read, item).result)
            if len(pending) > ahead:
                yield pending.popleft()()
        while pending:
            yield pending.popleft()()
