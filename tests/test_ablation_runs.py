"""Every row of an ablation is made once, with one budget, and is resumed after an interruption."""

import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from scenes import write_scenes

import test
import train
from scripts.ablation import runs as ablation_runs
from scripts.ablation.runs import Ablation, Budget
from scripts.ablation.tables import TABLES

L1 = next(row for table in TABLES.values() for row in table.rows if row.run == "L1")
TINY = ["--ngf", "1", "--ndf", "1", "--max_dataset_size", "2", "--gpu_ids", "-1"]


@pytest.fixture
def ablation(tmp_path: Path) -> Ablation:
    return Ablation(tmp_path / "out", Budget("scenes", "B", 256, 200, "test", ("--ngf", "8")))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Record the commands instead of running them."""
    commands: list[list[str]] = []

    def call(command: Sequence[str]) -> int:
        commands.append(list(command))
        return 0

    monkeypatch.setattr(ablation_runs, "call", call)
    return commands


def test_a_row_is_made_once(ablation: Ablation, calls: list[list[str]]) -> None:
    for _ in range(2):
        ablation.make(L1)
    assert [Path(command[1]).name for command in calls] == ["train.py", "test.py"]
    assert "--continue_train" not in calls[0]


@pytest.mark.parametrize(("files", "flag"), [
    (["latest_state.pth", "latest_net_G.pth", "losses.csv"], "--continue_train"),
    (["losses.csv"], "--overwrite"),  # stopped before its first save
])
def test_an_interrupted_row_is_resumed(
    files: list[str], flag: str, ablation: Ablation, calls: list[list[str]]
) -> None:
    run_dir = ablation.out / "runs" / "L1"
    run_dir.mkdir(parents=True)
    for file in files:
        (run_dir / file).touch()
    ablation.make(L1)
    assert calls[0][-1] == flag


def test_a_failed_row_is_not_done(
    ablation: Ablation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablation_runs, "call", lambda command: 3)
    with pytest.raises(ValueError, match="L1 ended with exit code 3; the same command resumes it"):
        ablation.make(L1)
    assert not ablation.is_done(L1)


@pytest.mark.parametrize("stopped_in", ["train.py", "test.py"])
def test_ctrl_c_loses_no_epoch(
    stopped_in: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run the real programs: the training is stopped after an epoch, the test before its work."""
    write_scenes(tmp_path / "scenes", train=2)
    budget = Budget(str(tmp_path / "scenes"), "B", 128, 2, "test", TINY)
    ablation = Ablation(tmp_path / "out", budget)
    stops, trainings = {stopped_in}, []

    def call(command: Sequence[str]) -> int:
        program, flags = Path(command[1]).name, list(command[2:])
        stop = program in stops
        stops.discard(program)
        if program == "train.py":
            trainings.append("--continue_train" in flags)
            train.train([*flags, *(["--n_epochs_decay", "0"] if stop else [])])
        if stop:
            raise KeyboardInterrupt
        if program == "test.py":
            test.test(flags)
        return 0

    monkeypatch.setattr(ablation_runs, "call", call)
    with pytest.raises(KeyboardInterrupt):
        ablation.make(L1)
    assert not ablation.is_done(L1)
    ablation.make(L1)
    assert ablation.is_done(L1) and trainings == [False, True]
    losses = (ablation.out / "runs" / "L1" / "losses.csv").read_text().splitlines()
    images = [int(line.split(",")[losses[0].split(",").index("images")]) for line in losses[1:]]
    assert images == sorted(set(images)) and images[-1] == 2 * 2  # epochs, pictures
    assert len(list(ablation.results(L1).glob("images/*_fake_B.png"))) == 3


def test_a_program_may_save_after_ctrl_c(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    script = ("import os, pathlib, signal, sys, time; os.kill(os.getppid(), signal.SIGINT); "
              "time.sleep(0.3); pathlib.Path(sys.argv[1]).touch()")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with caplog.at_level(logging.INFO), pytest.raises(SystemExit, match="130"):
            ablation_runs.call([sys.executable, "-c", script, str(tmp_path / "saved")])
    finally:
        signal.signal(signal.SIGINT, before)
    assert (tmp_path / "saved").is_file()
    assert "the same command resumes it" in caplog.text


def test_rows_of_another_budget_are_refused(ablation: Ablation) -> None:
    ablation.budget.hold(ablation.out)
    ablation.budget.hold(ablation.out)
    other = Budget(ablation.budget.dataroot, "B", 256, 100, "test", ("--ngf", "8"))
    with pytest.raises(ValueError, match=r"another budget \(epochs 200, now 100\); .* --out"):
        other.hold(ablation.out)
