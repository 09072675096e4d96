import errno
import os
import socket
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from conftest import Argv

from train import train
from training.saving.logs import cut_from_epoch, cut_to_sizes, log_sizes
from util.run_folder import lock
from util.run_folder.layout import delete_run, holds_run, lock_run
from util.run_folder.weights import prune_epochs


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def names(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("file", "held"),
    [("latest_net_G.pth", True), ("losses.csv", True), ("latest_state.pth", False),
     ("train_opt.txt", False), ("notes.txt", False)],
)
def test_a_folder_with_weights_or_losses_holds_a_run(
    file: str, held: bool, tmp_path: Path
) -> None:
    touch(tmp_path, file)
    assert holds_run(tmp_path) == held


def test_only_the_files_of_a_run_are_deleted(tmp_path: Path) -> None:
    touch(tmp_path, "5_net_G.pth", "latest_state.pth", "train_opt.json", "losses.1.csv",
          "loss_log.txt", "web/images/a.png", "notes.txt", "mine/latest_net_G.pth")
    delete_run(tmp_path)
    assert names(tmp_path) == {"notes.txt", "mine/latest_net_G.pth"}


def test_a_start_removes_what_a_killed_one_had_begun_to_write(tmp_path: Path) -> None:
    kept = {".lock", "latest_state.pth", ".notes.txt", "export/.x.partial.onnx", "mine.partial.pth",
            ".test_opt.partial.json"}
    touch(tmp_path, *kept, ".latest_state.partial.pth", ".best_net_G.partial.pth",
          ".losses.partial.csv", ".train_opt.partial.txt", ".networks.partial.json",
          "web/.index.partial.html", "web/images/.epoch001_a_B.partial.png")
    kept.add(".lock_owner")
    with lock_run(tmp_path):
        assert names(tmp_path) == kept
        touch(tmp_path, "web/.index.partial.html")
        with pytest.raises(ValueError, match="another training is running"), lock_run(tmp_path):
            pass
        assert names(tmp_path) == {*kept, "web/.index.partial.html"}


@pytest.mark.parametrize(
    ("keep", "left"),
    [(None, {"2", "9", "10"}), (2, {"9", "10"}), (1, {"10"}), (5, {"2", "9", "10"})],
)
def test_the_newest_numbered_saves_stay(keep: int | None, left: set[str], tmp_path: Path) -> None:
    others = {"latest_net_G.pth", "iter_5_net_G.pth"}
    for epoch in ("2", "9", "10"):
        touch(tmp_path, f"{epoch}_net_G.pth", f"{epoch}_net_D.pth")
    touch(tmp_path, *others)
    prune_epochs(tmp_path, keep, newest=10)
    assert names(tmp_path) == others | {f"{e}_net_{n}.pth" for e in left for n in "GD"}


def test_checkpoints_of_later_epochs_do_not_replace_the_new_ones(tmp_path: Path) -> None:
    """A run of 20 epochs was resumed from epoch 3 and has saved epoch 4."""
    touch(tmp_path, *(f"{epoch}_net_G.pth" for epoch in (2, 3, 4, 20)))
    prune_epochs(tmp_path, 1, newest=4)
    assert names(tmp_path) == {"4_net_G.pth", "20_net_G.pth"}


def test_logs_are_truncated_at_an_epoch(tmp_path: Path) -> None:
    head = "=== Training Loss (today) ===\n(epoch: 1, iters: 3, time: 1.0) G: 2\n"
    (tmp_path / "loss_log.txt").write_text(head + "(epoch: 2, iters: 3) G: 1\n(epoch: 10, iters")
    for name in ("losses.csv", "losses.1.csv"):
        (tmp_path / name).write_text("epoch,images\n1,3\n2,6\n10,30\n")
    cut_from_epoch(tmp_path, 2)
    assert (tmp_path / "loss_log.txt").read_text() == head
    assert (tmp_path / "losses.csv").read_text() == "epoch,images\n1,3\n"
    assert (tmp_path / "losses.1.csv").read_text() == "epoch,images\n1,3\n"


def test_logs_are_truncated_to_their_size_at_the_save(tmp_path: Path) -> None:
    log = tmp_path / "loss_log.txt"
    log.write_text("one\n")
    sizes = log_sizes(tmp_path)
    assert sizes == {"loss_log.txt": 4}
    with log.open("a") as file:
        file.write("two\n")
    (tmp_path / "losses.csv").write_text("started after the save\n")
    cut_to_sizes(tmp_path, sizes)
    assert log.read_text() == "one\n"
    assert (tmp_path / "losses.csv").read_text() == ""


HOLD = """
import os, socket, sys, time
from pathlib import Path
from util.run_folder.layout import lock_run
folder, number, host = sys.argv[1:]
if int(number):
    import fcntl
    def refuse(*_): raise OSError(int(number), os.strerror(int(number)))
    fcntl.flock = refuse
socket.gethostname = lambda: host
with lock_run(Path(folder)):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("host", [socket.gethostname(), "gpu7"])
@pytest.mark.parametrize("number", [0, errno.ENOLCK])  # the system locks; it cannot
def test_a_second_training_is_refused_until_the_first_has_ended(
    tmp_path: Path, number: int, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", HOLD, str(tmp_path), str(number), host]
    if number:
        without_system_lock(monkeypatch, number)
    refused = pytest.raises(
        ValueError, match="has locked" if number else f"is running in .* on host {host}, for 0:00")
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with refused, lock_run(tmp_path):
            pass
        first.kill()
        first.wait()
    if number and host == "gpu7":  # nothing proves that its process is dead
        with refused, lock_run(tmp_path):
            pass
        return
    with lock_run(tmp_path):
        assert (tmp_path / ".lock_owner").read_text().splitlines()[0] == str(os.getpid())


@pytest.fixture
def recorded(tmp_path: Path) -> list[str]:
    """Process, host and start time of this process, as a lock records them."""
    with lock_run(tmp_path):
        return (tmp_path / ".lock_owner").read_text().splitlines()


def without_system_lock(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    fcntl = pytest.importorskip("fcntl")  # Windows has none

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_SECONDS_TO_TAKE_OVER", 0.05)


def leave_lock(folder: Path, *lines: str) -> Path:
    """Write the lock of another process, 3 hours old."""
    owner = folder / ".lock_owner"
    owner.write_text("".join(f"{line}\n" for line in lines))
    os.utime(owner, (time.time() - 10800,) * 2)
    return owner


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_lock_of_another_host_names_folder_host_age_and_the_way_out(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = leave_lock(tmp_path, "4711", "gpu7", "99")
    with lock_run(tmp_path):  # the system's lock is free: that process does not run on any host
        pass
    leave_lock(tmp_path, "4711", "gpu7?pidns-f0000001", "99")
    without_system_lock(monkeypatch, number)
    with pytest.raises(ValueError, match="has locked") as fault, lock_run(tmp_path):
        pass
    for part in (f"{tmp_path} (process 4711 on host gpu7, for 3:00:0", f"delete {owner}", "--name"):
        assert part in str(fault.value)
    owner.unlink()
    with lock_run(tmp_path):
        assert owner.exists()
    assert not owner.exists()


@pytest.mark.parametrize("content", [[], ["12345 otherhost"], ["", ""]])
def test_a_lock_without_an_owner_is_kept(
    tmp_path: Path, content: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_lock(tmp_path, *content)
    without_system_lock(monkeypatch, errno.ENOLCK)
    with pytest.raises(ValueError, match="for 3:00:0"), lock_run(tmp_path):
        pass


def test_the_lock_of_a_dead_process_is_taken_over(
    tmp_path: Path, recorded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pid, host, start = recorded
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    without_system_lock(monkeypatch, errno.ENOLCK)
    for lines in ((str(ended.pid), host, start), (pid, host, str(int(start) - 1))):
        owner = leave_lock(tmp_path, *lines)
        with lock_run(tmp_path):
            assert owner.read_text().splitlines() == recorded
    leave_lock(tmp_path, str(os.getppid()), host)  # alive
    with pytest.raises(ValueError, match=f"process {os.getppid()} on"), lock_run(tmp_path):
        pass


@pytest.mark.parametrize(("options", "local"), [
    ("rw,vers=3,local_lock=all,addr=10.0.0.1", True), ("rw,local_lock=none", False), ("rw", False),
])
def test_locks_that_other_hosts_do_not_see_prove_nothing(
    tmp_path: Path, options: str, local: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = f"1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:4 / {tmp_path} rw - nfs nas:/ {options}\n"
    original = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path, *args, **kwargs: (
        mounts if str(path) == "/proc/self/mountinfo" else original(path, *args, **kwargs)))
    leave_lock(tmp_path, "4711", "gpu7", "99")
    refused = pytest.raises(ValueError, match="host gpu7") if local else nullcontext()
    with refused, lock_run(tmp_path):
        pass


def test_overwrite_keeps_the_earlier_run_until_the_first_step(
    argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(argv("--model", "template"))
    run_dir = tmp_path / "runs" / "t"
    (run_dir / "web").mkdir()
    (run_dir / "web" / "index.html").write_text("of the earlier run")
    before = {path: path.read_bytes() for path in run_dir.rglob("*.*") if path.is_file()}
    again = argv("--model", "template", "--overwrite")
    for place in ("models.template_model.TemplateModel.optimize_parameters",
                  "training.setup.RunSaver.begin", "training.setup.open_sinks"):
        with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
            patch.setattr(place, lambda *_: 1 / 0)
            train(again)
        after = {path: path.read_bytes() for path in run_dir.rglob("*.*") if path.is_file()}
        assert after == before, place
    with pytest.raises(FileNotFoundError):
        train([*again, "--dataroot", str(tmp_path / "nowhere")])
    assert all(path.exists() for path in before)
    train(again)
    assert not (run_dir / "web").exists()
    assert not (run_dir / ".replaced").exists()
