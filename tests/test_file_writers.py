"""Threads write the same files as a single writer, keep few images in memory, and raise errors."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
import pytest

from display.images import save_picture
from util.threads import QUEUE_LENGTH, FileWriters, Pixels


def pixels(size: int = 1) -> Pixels:
    return np.zeros(size, np.uint8)


class Gate:
    """A writer that waits for ``open``; ``begun`` counts its calls."""

    def __init__(self) -> None:
        self.open, self.begun = threading.Event(), threading.Semaphore(0)

    def __call__(self, picture: Pixels, path: Path) -> None:
        self.begun.release()
        assert self.open.wait(60)


def test_threads_write_the_same_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (9, 7, 3), dtype=np.uint8) for _ in range(40)]
    with FileWriters(threads=3) as writers:
        for number, picture in enumerate(pictures):
            writers.write(save_picture, picture, tmp_path / "threads" / f"{number}.png")
    for number, picture in enumerate(pictures):
        save_picture(picture, tmp_path / "one" / f"{number}.png")
    files = [{path.name: path.read_bytes() for path in (tmp_path / kind).iterdir()}
             for kind in ("threads", "one")]
    assert len(files[0]) == len(pictures)
    assert files[0] == files[1]


@pytest.mark.parametrize(
    ("size", "queue_bytes", "accepted"), [(1, 1000, QUEUE_LENGTH), (400, 1000, 2), (1000, 1000, 1)]
)
def test_the_queue_is_limited(size: int, queue_bytes: int, accepted: int) -> None:
    gate = Gate()
    writers = FileWriters(threads=1, queue_bytes=queue_bytes)
    with writers, ThreadPoolExecutor(1) as caller:
        for _ in range(accepted):
            writers.write(gate, pixels(size), Path("x"))
        waiting = caller.submit(writers.write, gate, pixels(size), Path("x"))
        assert wait([waiting], timeout=0.1).not_done
        gate.open.set()
        waiting.result(timeout=60)


def test_an_image_larger_than_the_queue_is_written_at_once() -> None:
    caller: list[int] = []
    with FileWriters(queue_bytes=10) as writers:
        writers.write(lambda *_: caller.append(threading.get_ident()), pixels(11), Path("x"))
        assert caller == [threading.get_ident()]


def failing(picture: Pixels, path: Path) -> None:
    raise OSError("no room")


def wait_until(condition: Callable[[], object]) -> None:
    while not condition():
        threading.Event().wait(0.01)


def test_an_error_is_raised_by_the_next_write() -> None:
    writers = FileWriters(threads=1)
    writers.write(failing, pixels(), Path("a"))
    wait_until(lambda: writers.failed)
    with pytest.raises(OSError, match="no room"), writers:
        writers.write(failing, pixels(), Path("b"))
        pytest.fail("the error was swallowed")
    assert writers.failed == {Path("a")}


def test_an_error_of_the_last_image_is_raised_at_the_end(tmp_path: Path) -> None:
    def save() -> None:
        with FileWriters() as writers:
            writers.write(failing, pixels(), tmp_path / "a")

    with pytest.raises(OSError, match="no room"):
        save()


def test_a_caller_that_waits_for_the_queue_gets_the_error() -> None:
    gate = Gate()

    def fail_late(picture: Pixels, path: Path) -> None:
        gate(picture, path)
        raise OSError("no room")

    writers = FileWriters(threads=1, queue_bytes=1)
    with pytest.raises(OSError, match="no room"), writers, ThreadPoolExecutor(1) as caller:
        writers.write(fail_late, pixels(), Path("a"))
        waiting = caller.submit(writers.write, gate, pixels(), Path("b"))
        gate.begun.acquire()
        gate.open.set()
        waiting.result(timeout=60)


def test_after_an_exception_the_files_are_finished_and_it_is_raised(tmp_path: Path) -> None:
    gate = Gate()

    def save(picture: Pixels, path: Path) -> None:
        gate(picture, path)
        path.touch()

    def interrupted() -> None:
        with FileWriters(threads=1) as writers:
            for name in "abc":
                writers.write(save, pixels(), tmp_path / name)
            writers.write(failing, pixels(), tmp_path / "d")
            gate.open.set()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]
