import subprocess
import sys
from pathlib import Path

import pytest

from util.run_folder import cut_logs, delete_run, holds_run, log_sizes, prune_epochs, sole_use


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
def test_a_run_is_held_once_there_is_something_to_lose(
    file: str, held: bool, tmp_path: Path
) -> None:
    touch(tmp_path, file)
    assert holds_run(tmp_path) == held


def test_deleting_takes_only_what_a_run_wrote(tmp_path: Path) -> None:
    touch(tmp_path, "5_net_G.pth", "latest_state.pth", "train_opt.json", "losses.1.csv",
          "loss_log.txt", "web/images/a.png", "notes.txt", "mine/latest_net_G.pth")
    delete_run(tmp_path)
    assert names(tmp_path) == {"notes.txt", "mine/latest_net_G.pth"}


@pytest.mark.parametrize(
    ("keep", "left"),
    [(None, {"2", "9", "10"}), (2, {"9", "10"}), (1, {"10"}), (5, {"2", "9", "10"})],
)
def test_the_newest_numbered_saves_stay(keep: int | None, left: set[str], tmp_path: Path) -> None:
    others = {"latest_net_G.pth", "iter_5_net_G.pth"}
    for epoch in ("2", "9", "10"):
        touch(tmp_path, f"{epoch}_net_G.pth", f"{epoch}_net_D.pth")
    touch(tmp_path, *others)
    prune_epochs(tmp_path, keep)
    assert names(tmp_path) == others | {f"{e}_net_{n}.pth" for e in left for n in "GD"}


def test_logs_are_cut_to_their_size_at_the_save(tmp_path: Path) -> None:
    log = tmp_path / "loss_log.txt"
    log.write_text("one\n")
    sizes = log_sizes(tmp_path)
    assert sizes == {"loss_log.txt": 4}
    with log.open("a") as file:
        file.write("two\n")
    (tmp_path / "losses.csv").write_text("begun after the save\n")
    cut_logs(tmp_path, sizes)
    assert log.read_text() == "one\n"
    assert (tmp_path / "losses.csv").read_text() == ""


HOLD = """
import sys, time
from pathlib import Path
from util.run_folder import sole_use
with sole_use(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_training_is_refused_until_the_first_is_dead(tmp_path: Path) -> None:
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match="another training is at work"), sole_use(tmp_path):
            pass
        first.kill()
        first.wait()
    with sole_use(tmp_path):
        assert (tmp_path / ".lock").exists()
