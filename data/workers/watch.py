"""Worker processes that are killed or stopped: explain it, and never wait without a line."""

import atexit
import logging
import multiprocessing
import os
import signal
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

from util.free_memory import free_memory, total_memory
from util.text import format_bytes

log = logging.getLogger(__name__)

Item = TypeVar("Item")
STALL_SECONDS = 60.0  # without a batch, before a line names the state of the workers
_LOOK_SECONDS = 1.0
_DEATH_SECONDS = 10.0  # a killed process closes its connections first; on a busy machine it lingers
_STATES = {"T": "is stopped (kill -CONT {pid} continues it)", "t": "is stopped by a debugger",
           "D": "waits for a disk or network", "R": "computes", "S": "waits"}


class WorkerError(ChildProcessError):
    """A worker process cannot be started, or has ended; the message says why and what helps."""


class _NoItems:
    """Stands for the iterator of a loader before the first epoch."""


class WorkerWatch:
    """Iterates over a loader with worker processes, and watches these from a thread.

    Torch raises an error at any moment after a worker has ended, also in the middle of a training
    step. Here the error comes when the next batch is read, so the step before it is complete.
    """

    def __init__(self) -> None:
        self._workers: list[BaseProcess] = []
        self._items: Any = _NoItems()
        self._used = (0, 0)  # most bytes of memory: of the program, of one worker
        self._waits_since: float | None = None
        self._is_stall_logged = False

    def iterate(self, loader: Iterable[Item]) -> Iterator[Item]:
        """Yield the items of one epoch.

        Raises:
            WorkerError: a worker cannot be started, or has ended.
        """
        with self._explained(), self._starting():
            self._items = iter(loader)
        while True:
            with self._explained(), self._waiting():
                item = next(self._items, None)
            if item is None:
                return
            yield item

    def end(self) -> None:
        """Kill the workers, which hold nothing that is worth saving; stopped ones would stay."""
        # Torch must not end them, too: it waits for a lock that a killed worker may hold.
        vars(self._items)["_shutdown"] = True
        for worker in self._workers:
            if worker.is_alive():
                worker.kill()
                worker.join()

    @contextmanager
    def _starting(self) -> Iterator[None]:
        before = {*multiprocessing.active_children()}
        handler = signal.getsignal(signal.SIGCHLD) if _has_handler() else None
        try:
            yield
        except OSError as error:
            started = [*{*multiprocessing.active_children()} - before]
            for worker in started:
                worker.kill()
            raise WorkerError("the system can start no more worker processes to read images "
                              f"({error.strerror or error}; started: {len(started)}); give a "
                              "smaller --num_threads") from error
        finally:
            if handler is not None:
                signal.signal(signal.SIGCHLD, handler)  # without the one of torch, which raises
        new = [*{*multiprocessing.active_children()} - before]
        if new:
            self._workers = new
            # It runs before the function of multiprocessing, which waits for a stopped worker.
            atexit.register(_end_if_alive, weakref.ref(self))
            threading.Thread(target=_look_at, args=(weakref.ref(self),), name="workers",
                             daemon=True).start()

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        self._waits_since = start = time.monotonic()
        try:
            yield
            if self._is_stall_logged:
                log.error("images arrive again after %.0f s", time.monotonic() - start)
        except Exception:
            raise
        except BaseException:  # the program ends; the loader would wait for stopped workers
            self.end()
            raise
        finally:
            self._waits_since, self._is_stall_logged = None, False

    def look(self) -> bool:
        """Measure the memory of the workers, and report if no batch comes from them.

        Return False if all workers have ended.
        """
        if all(worker.exitcode is not None for worker in self._workers):
            return False
        uses = [_memory_of(worker.pid) for worker in self._workers]
        total = _memory_of(os.getpid()) + sum(uses)
        self._used = (max(total, self._used[0]), max([*uses, self._used[1]]))
        since = self._waits_since
        if since and time.monotonic() - since >= STALL_SECONDS and not self._is_stall_logged:
            self._is_stall_logged = True
            states = ", ".join(f"{worker.pid} {_state_of(worker.pid)}" for worker in self._workers)
            # An error, since processes other than the main one log nothing else.
            log.error("no images for %.0f s; the worker processes that read them: %s. Ctrl-C "
                      "or SIGTERM ends the program; a training is saved before",
                      time.monotonic() - since, states)
        return True

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except WorkerError:
            raise
        except Exception as error:
            if isinstance(error, OSError | EOFError | RuntimeError):
                is_cut = isinstance(error, ConnectionError | EOFError)  # to one that is dying
                self._await_death(_DEATH_SECONDS if is_cut else 0.2)
            dead = [worker for worker in self._workers if worker.exitcode is not None]
            if not dead:
                raise
            text = _explain(dead[0], len(self._workers), self._used)
            self.end()
            raise WorkerError(text) from error

    def _await_death(self, seconds: float) -> None:
        """Wait until a worker has ended; its sentinel is closed shortly before it has a code."""
        end = time.monotonic() + seconds
        ended = wait([worker.sentinel for worker in self._workers], seconds)
        while time.monotonic() < end and any(worker.sentinel in ended and worker.exitcode is None
                                             for worker in self._workers):
            time.sleep(0.001)


def _look_at(watch: "weakref.ref[WorkerWatch]") -> None:
    """Look until the workers have ended, or until nothing else uses the loader."""
    while (alive := watch()) and alive.look():
        del alive
        time.sleep(_LOOK_SECONDS)


def _end_if_alive(watch: "weakref.ref[WorkerWatch]") -> None:
    if alive := watch():
        alive.end()


def _explain(worker: BaseProcess, count: int, used: Sequence[int]) -> str:
    code = worker.exitcode or 0
    what = f"worker process {worker.pid}, which reads images,"
    fewer = f"give fewer than --num_threads {count}"
    if code >= 0:
        return f"{what} ended with code {code}; --num_threads 0 may show where"
    name = signal.Signals(-code).name
    if name == "SIGBUS":
        return (f"{what} was killed by SIGBUS: the shared memory /dev/shm is full "
                f"({_shared_memory()}); enlarge it (docker run --shm-size 8g), or {fewer}")
    if name != "SIGKILL":
        return f"{what} was killed by {name}; --num_threads 0 may show where"
    needed = (f"this program used up to {format_bytes(used[0])}, its workers up to "
              f"{format_bytes(used[1])} each; " if used[1] else "")
    return (f"{what} was killed by SIGKILL, as the system does when the memory is full: "
            f"{format_bytes(free_memory())} of {format_bytes(total_memory())} are free now; "
            f"{needed}{fewer}, or close other programs")


def _shared_memory() -> str:
    with suppress(OSError):
        disk = os.statvfs("/dev/shm")
        return (f"{format_bytes(disk.f_bavail * disk.f_frsize)} of "
                f"{format_bytes(disk.f_blocks * disk.f_frsize)} are free")
    return "its size is unknown"


def _memory_of(pid: int | None) -> int:
    """Return the bytes of a process, shared ones divided by their users; 0 if unknown."""
    with suppress(OSError, ValueError, IndexError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(text.partition("\nPss:")[2].split()[0]) * 1024
    return 0


def _state_of(pid: int | None) -> str:
    with suppress(OSError, IndexError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return _STATES.get(state, f"is in state {state}").format(pid=pid)
    return "is in an unknown state"


def _has_handler() -> bool:
    """Return whether this thread may set the handler of SIGCHLD."""
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and hasattr(signal, "SIGCHLD")
