"""Loader workers that are killed or stopped: it is logged, and the run is saved."""

import faulthandler
import logging
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import processes
import pytest
from conftest import Argv, draw_pictures
from runs import differences, load_state, logged

from data.base_dataset import Batch
from data.loader import Loader
from data.workers import watch as watching
from data.workers.watch import WorkerError, WorkerWatch
from train import train

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, forks workers")
FORKS = multiprocessing.get_context("fork")
ROOT = Path(__file__).resolve().parents[1]


class Items:
    """An iterator over one item, which may have attributes, as that of a DataLoader."""

    def __init__(self, read: Callable[[int], int], pid: int) -> None:
        self._items = map(read, [pid])

    def __iter__(self) -> "Items":
        return self

    def __next__(self) -> int:
        return next(self._items)


class OneWorker:
    """Starts a process when it is iterated, as a DataLoader does; ``read(pid)`` gives an item."""

    def __init__(self, read: Callable[[int], int], code: int | None = None) -> None:
        self._read, self._code = read, code
        self._is_ready = FORKS.Event()

    def __iter__(self) -> Iterator[int]:
        process = FORKS.Process(target=self._run, daemon=True)
        process.start()
        self._is_ready.wait()
        signal.signal(signal.SIGCHLD, lambda *_: 1 / 0)  # as torch's handler: it raises at once
        return Items(self._read, process.pid or 0)

    def _run(self) -> None:
        faulthandler.disable()  # no dump of the signals below
        self._is_ready.set()
        if self._code is not None:
            time.sleep(self._code / 10)
            os._exit(self._code)
        time.sleep(60)


@pytest.mark.parametrize(("code", "number", "wanted"), [
    (None, signal.SIGKILL, r"was killed by SIGKILL, as the system does when the memory is full: "
     r"[\d.]+ [GM]B of [\d.]+ GB are free now; (this program used up to [\d.]+ [GM]B, its workers "
     r"up to \d+ MB each; )?give fewer than --num_threads 1, or close other programs$"),
    (None, signal.SIGBUS, r"/dev/shm is full \([\d.]+ [GM]B of .* are free\); enlarge it"),
    (None, signal.SIGSEGV, "was killed by SIGSEGV; --num_threads 0 may show where"),
    (3, 0, "ended with code 3; --num_threads 0"),
])
def test_an_ended_worker_is_explained(code: int | None, number: int, wanted: str) -> None:
    def read(pid: int) -> int:
        os.kill(pid, number)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        raise ConnectionResetError

    before = signal.getsignal(signal.SIGCHLD)
    with pytest.raises(WorkerError, match=r"worker process \d+, which reads images, .*" + wanted):
        list(WorkerWatch().iterate(OneWorker(read, code)))
    assert signal.getsignal(signal.SIGCHLD) == before


def test_a_worker_that_takes_long_to_die_is_explained() -> None:
    def read(pid: int) -> int:
        raise ConnectionResetError

    with pytest.raises(WorkerError, match="ended with code 3"):
        list(WorkerWatch().iterate(OneWorker(read, 3)))


def test_other_errors_are_not_changed_and_too_many_processes_are_refused(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = WorkerWatch()
    with pytest.raises(KeyError):
        list(watch.iterate(OneWorker(dict[int, int]().__getitem__)))
    watch.end()

    class Full:
        def __iter__(self) -> Iterator[int]:
            raise BlockingIOError(11, "Resource temporarily unavailable")

    with pytest.raises(WorkerError, match=r"no more .*unavailable; started: 0.*smaller --num_t"):
        list(watch.iterate(Full()))


def test_a_stopped_worker_is_reported_and_ended(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "STALL_SECONDS", 0.05)
    monkeypatch.setattr(watching, "_LOOK_SECONDS", 0.01)
    pids = []

    def read(pid: int) -> int:
        os.kill(pid, signal.SIGSTOP)
        pids.append(pid)
        end = time.monotonic() + 10
        while not caplog.messages and time.monotonic() < end:
            time.sleep(0.005)
        return 5

    watch = WorkerWatch()
    assert next(watch.iterate(OneWorker(read))) == 5
    stall, again = caplog.messages
    assert re.match(r"no images for \d+ s; the worker processes that read them: "
                    rf"{pids[0]} is stopped \(kill -CONT {pids[0]} continues it\)\. Ctrl-C", stall)
    assert again.startswith("images arrive again after 0 s")
    watch.end()
    assert not Path(f"/proc/{pids[0]}").exists()


def broken_at(image: int, fault: Callable[[], object]) -> Callable[[Loader], Iterator[Batch]]:
    """Return a method ``__iter__`` for a loader that fails before it reads an image."""
    original = Loader.__iter__

    def read(loader: Loader) -> Iterator[Batch]:
        for number, batch in enumerate(original(loader)):
            if number == image:
                fault()
                time.sleep(20)
            yield batch

    return read


def kill_own_worker() -> None:
    raise WorkerError("worker process 7 was killed")


TERMINATE, KILL = partial(os.kill, os.getpid(), signal.SIGTERM), kill_own_worker


@pytest.mark.parametrize("faults", [
    [(1, KILL, WorkerError)],
    pytest.param([(0, KILL, WorkerError), (1, TERMINATE, SystemExit), (1, KILL, WorkerError)],
                 marks=pytest.mark.soak)])
def test_a_run_that_cannot_read_is_saved_and_resumes_exactly(
    faults: list[tuple[int, Callable[[], None], type[BaseException]]], argv: Argv, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A signal ends the wait for a stopped worker; before the first image nothing is saved."""
    caplog.set_level(logging.INFO)
    flags = argv("--model", "pix2pix", "--print_freq", "1", "--dropout", "--num_threads", "1")
    train([*flags, "--name", "straight", "--num_threads", "0"])
    broken, run_dir = [*flags, "--name", "broken"], tmp_path / "runs" / "broken"
    for image, fault, ends in faults:
        caplog.clear()
        with monkeypatch.context() as patch, pytest.raises(ends):
            patch.setattr(Loader, "__iter__", broken_at(image, fault))
            train(broken)
        assert any("--continue_train resumes" in text for text in caplog.messages) == (image > 0)
        assert (run_dir / "latest_net_G.pth").exists() == (image > 0)
        if image:
            broken = [*flags, "--name", "broken", "--continue_train"]
    assert load_state(run_dir)[".clock.images"] == len(faults) - (faults[0][0] == 0)
    train(broken)
    assert differences(load_state(tmp_path / "runs" / "straight"), load_state(run_dir)) == []
    assert logged(tmp_path / "runs" / "straight") == logged(run_dir)


def train_badly(flags: Sequence[str]) -> None:
    """Train; the second process cannot read its third batch."""
    if os.environ["RANK"] == "1":
        Loader.__iter__ = broken_at(2, kill_own_worker)  # type: ignore[method-assign]
    train(flags)


@pytest.mark.soak
def test_all_processes_are_saved_if_one_cannot_read(
    argv: Argv, dataroot: Path, tmp_path: Path
) -> None:
    draw_pictures(dataroot / "train", 8, (64, 32))
    flags = argv("--model", "pix2pix", "--print_freq", "1", "--num_threads", "1")
    started = processes.start(tmp_path / "out", train_badly, [*flags, "--name", "broken"])
    assert processes.finish(started) == [1, 1]
    texts = [(tmp_path / "out" / f"{rank}.txt").read_text() for rank in (0, 1)]
    assert "another process of this training could not read its images" in texts[0]
    assert "error: worker process 7 was killed" in texts[1]
    processes.run(tmp_path / "more", train, [*flags, "--name", "broken", "--continue_train"])
    processes.run(tmp_path / "straight", train, [*flags, "--name", "straight"])
    straight, broken = (tmp_path / "runs" / name for name in ("straight", "broken"))
    assert differences(load_state(straight), load_state(broken)) == []


@pytest.mark.soak
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_real_worker_is_killed_or_stopped(
    number: int, argv: Argv, dataroot: Path, tmp_path: Path
) -> None:
    """After SIGSTOP, the wait is reported after 60 s, SIGTERM saves, and the lock is free."""
    flags = argv("--model", "pix2pix", "--n_epochs", "20000", "--num_threads", "2")
    with (tmp_path / "out.txt").open("w") as out:
        run = subprocess.Popen([sys.executable, "train.py", *flags], cwd=ROOT, stdout=out)
    text = wait_for(tmp_path / "out.txt", "End of epoch 2")
    workers = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
    os.kill(int(workers[0]), number)
    if number == signal.SIGSTOP:
        text = wait_for(tmp_path / "out.txt", f"{workers[0]} is stopped (kill -CONT", seconds=80)
        run.terminate()
    assert run.wait(30) == (143 if number == signal.SIGSTOP else 1)
    text = (tmp_path / "out.txt").read_text()
    assert "Traceback" not in text
    assert "--continue_train resumes" in text
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    done = int(re.findall(r"End of epoch (\d+)", text)[-1]) + 2
    train([*flags, "--continue_train", "--n_epochs", str(done), "--num_threads", "0"])
    train([*flags, "--name", "straight", "--n_epochs", str(done), "--num_threads", "0"])
    straight, broken = (tmp_path / "runs" / name for name in ("straight", "t"))
    assert differences(load_state(straight), load_state(broken)) == []


def wait_for(path: Path, text: str, *, seconds: float = 60) -> str:
    end = time.monotonic() + seconds
    while text not in path.read_text() and time.monotonic() < end:
        time.sleep(0.1)
    assert text in path.read_text()
    return path.read_text()
