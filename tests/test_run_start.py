"""Resume from an older epoch, from weights only, or with a damaged or wrong state."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Argv
from runs import load_state, read_losses

from train import train
from training.clock import Clock
from util import checkpoint

Log = pytest.LogCaptureFixture


@pytest.fixture
def run_dir(argv: Argv, tmp_path: Path) -> Path:
    """A run of four epochs of 3 images, all of them saved."""
    train(argv("--model", "template", "--n_epochs", "4", "--save_epoch_freq", "1", "--no_html"))
    return tmp_path / "runs" / "t"


def resume(argv: Argv, *flags: str) -> None:
    train(argv("--model", "template", "--continue_train", "--n_epochs", "4", "--no_html", *flags))


def timeline(run_dir: Path) -> list[tuple[int, int]]:
    return [(int(row["epoch"]), int(row["images"])) for row in read_losses(run_dir)]


def printed_epochs(run_dir: Path) -> list[str]:
    lines = (run_dir / "loss_log.txt").read_text().splitlines()
    return [line.split(",")[0] for line in lines if line.startswith("(")]


@pytest.mark.parametrize(
    ("flags", "first"), [("--epoch 2", 3), ("--epoch 3", 4), ("--epoch 2 --epoch_count 2", 2),
                         ("--epoch_count 3", 3)],
)
def test_a_run_is_resumed_after_an_older_epoch(
    flags: str, first: int, run_dir: Path, argv: Argv, caplog: Log
) -> None:
    """The log lines of the later epochs are removed, and images are counted from there."""
    earlier = checkpoint.load(run_dir / "1_net_G.pth")
    with (run_dir / "losses.csv").open("a") as file:
        file.write("4,99,1,0,0,0,0\n")  # left by an even older resume
    with caplog.at_level(logging.INFO):
        resume(argv, *flags.split(), "--n_epochs", "5", "--lr", "1e-12")
    assert timeline(run_dir) == [(epoch, 3 * epoch) for epoch in range(1, 6)]
    assert printed_epochs(run_dir) == [f"(epoch: {epoch}" for epoch in range(1, 6)]
    lines = [line for line in caplog.messages if "only weights" in line or "resuming" in line]
    assert any(str(first) in line for line in lines)
    after = checkpoint.load(run_dir / "1_net_G.pth")
    assert all(torch.equal(earlier[key], after[key]) for key in earlier)
    assert load_state(run_dir)[".clock.images"] == 15


def test_weights_of_unknown_epoch_are_refused(run_dir: Path, argv: Argv) -> None:
    (run_dir / "4_net_G.pth").rename(run_dir / "iter_12_net_G.pth")
    with pytest.raises(ValueError, match=r"iter_12_net_\*\.pth is unknown: add --epoch_count"):
        resume(argv, "--load_iter", "12")
    resume(argv, "--load_iter", "12", "--epoch_count", "4")
    assert [epoch for epoch, _ in timeline(run_dir)] == [1, 2, 3, 4]


@pytest.mark.parametrize("also", ["", "latest_net_G.pth"])
def test_without_a_state_the_newest_numbered_epoch_is_used(
    also: str, run_dir: Path, argv: Argv
) -> None:
    for name in ("latest_state.pth", "4_net_G.pth", also):
        if name:
            (run_dir / name).unlink()
    resume(argv)
    assert timeline(run_dir) == [(epoch, 3 * epoch) for epoch in range(1, 5)]


def test_a_run_resumed_from_an_older_epoch_may_be_killed_at_once(
    run_dir: Path, argv: Argv, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first step, the state of the older epoch is on disk."""
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("models.template_model.TemplateModel.optimize_parameters", killed)
        resume(argv, "--epoch", "1")
    resume(argv)
    assert timeline(run_dir) == [(epoch, 3 * epoch) for epoch in range(1, 5)]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(byte ^ 255 for byte in content[middle : middle + 400])
    path.write_bytes(content)


STATE = r"latest_state\.pth "
FROM_LATEST = (
    r"; delete latest_state\.pth, then --continue_train --epoch_count 5 resumes from "
    r"latest_net_\*\.pth with new optimizers$"
)


def spoil(path: Path, how: str) -> None:
    if how == "flip":
        flip(path)
    elif how == "text":
        path.write_text("hello\nworld\n")
    elif how == "weights":
        path.write_bytes(path.with_name("latest_net_G.pth").read_bytes())
    else:
        torch.save({"a": 1} if how == "dict" else [1], path)


@pytest.mark.parametrize(
    ("how", "what"),
    [("flip", "is damaged.*"), ("text", "is damaged.*"),
     ("weights", r"is not the state of a run \(it begins with .*weight.*"),
     ("dict", r"is not the state of a run \(it begins with a; wanted clock, logs.*"),
     ("list", r"holds a list, wanted a state_dict.*")],
)
def test_a_bad_state_is_refused_with_the_fix(
    how: str, what: str, run_dir: Path, argv: Argv
) -> None:
    spoil(run_dir / "latest_state.pth", how)
    with pytest.raises(ValueError, match=STATE + what + FROM_LATEST):
        resume(argv)


def test_the_named_fix_works(run_dir: Path, argv: Argv) -> None:
    flip(run_dir / "latest_state.pth")
    for path in run_dir.glob("[34l]*_net_G.pth"):
        flip(path)
    with pytest.raises(ValueError, match=r"; --continue_train --epoch 2 resumes from 2_net"):
        resume(argv)
    resume(argv, "--epoch", "2")
    assert timeline(run_dir) == [(epoch, 3 * epoch) for epoch in range(1, 5)]
    for path in run_dir.glob("*.pth"):
        flip(path)
    with pytest.raises(ValueError, match="no intact weights: start again with --overwrite"):
        resume(argv)


def test_weights_of_another_model_are_refused(run_dir: Path, argv: Argv) -> None:
    for path in (*run_dir.glob("train_opt.*"), run_dir / "latest_state.pth"):
        path.unlink()
    with pytest.raises(ValueError, match=r"latest weights of G, .* needs G_A, .* give the --model"):
        train(argv("--continue_train", "--n_epochs", "5"))


def test_a_folder_without_a_run_is_refused(argv: Argv, tmp_path: Path) -> None:
    (tmp_path / "runs" / "t").mkdir(parents=True)
    (tmp_path / "runs" / "t" / ".lock").touch()
    with pytest.raises(ValueError, match="holds no run yet; leave the flag out to start one"):
        resume(argv)


@pytest.mark.parametrize("ending", ["latest_state.pth", "2_net_G.pth", "latest_net_G.pth"])
def test_a_failed_save_stops_the_run_and_names_the_state_to_resume_from(
    ending: str, argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Epoch 2 cannot be saved: the run stops within epoch 3; the state is that of epoch 1."""
    original = checkpoint.save
    count = {"latest_state.pth": 3, "2_net_G.pth": 1, "latest_net_G.pth": 2}
    writes = []

    def failing(path: Path, state: Any) -> None:
        if path.name == ending:
            writes.append(path)
            if len(writes) == count[ending]:
                raise OSError(f"{path} could not be written (disk full)")
        original(path, state)

    monkeypatch.setattr(checkpoint, "save", failing)
    with pytest.raises(OSError, match=r"is intact, --continue_train resumes from the end of epoch 1"
                       ) as error:
        train(argv("--model", "template", "--n_epochs", "40", "--save_epoch_freq", "1",
                   "--no_html"))
    newer = str(error.value).partition("already newer")[2]
    assert ("2_net_G.pth" in newer) == (ending != "2_net_G.pth")
    assert ("latest_net_G.pth" in newer) == (ending == "latest_state.pth")
    monkeypatch.setattr(checkpoint, "save", original)
    train(argv("--model", "template", "--n_epochs", "4", "--no_html", "--continue_train"))
    assert timeline(tmp_path / "runs" / "t") == [(epoch, 3 * epoch) for epoch in range(1, 5)]


def test_a_failed_save_is_reported_before_the_next_one(
    argv: Argv, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saves are due only after images 1 and 90; the run stops long before the second."""
    original, due = checkpoint.save, Clock.due
    monkeypatch.setattr(Clock, "due", lambda clock, n: due(clock, n) or clock.images == 1)

    def failing(path: Path, state: Any) -> None:
        if path.name == "latest_net_G.pth":
            raise OSError("disk full")
        original(path, state)

    monkeypatch.setattr(checkpoint, "save", failing)
    with pytest.raises(OSError, match=r"^disk full; .* resumes from the beginning$"):
        train(argv("--model", "template", "--n_epochs", "30", "--save_epoch_freq", "30",
                   "--save_latest_freq", "90", "--no_html"))


def test_device_and_workers_do_not_change_silently(
    run_dir: Path, argv: Argv, caplog: Log
) -> None:
    options = json.loads((run_dir / "train_opt.json").read_text())
    text = json.dumps(options | {"num_threads": 1, "gpu_ids": [1]})
    (run_dir / "train_opt.json").write_text(text)
    given = argv("--continue_train", "--n_epochs", "5", "--no_html")
    at = given.index("--num_threads")
    with caplog.at_level(logging.INFO):
        train(given[:at] + given[at + 2 :])
    start = "changed since the run was started: "
    changes = next(line for line in caplog.messages if line.startswith(start))
    assert {"n_epochs 4 -> 5", "gpu_ids 1 -> -1"} <= set(changes.removeprefix(start).split(", "))
    assert json.loads((run_dir / "train_opt.json").read_text())["num_threads"] == 1


def test_changes_are_not_logged_if_the_resume_fails(run_dir: Path, argv: Argv, caplog: Log) -> None:
    flip(run_dir / "latest_state.pth")
    with caplog.at_level(logging.INFO), pytest.raises(ValueError, match="damaged"):
        resume(argv, "--lr", "0.5")
    assert "changed since" not in caplog.text


def test_a_start_that_fails_leaves_no_folder(
    argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError("no space")

    monkeypatch.setattr("training.saving.run_saver.require_space", full)
    with pytest.raises(OSError, match="no space"):
        train(argv("--model", "template"))
    assert not (tmp_path / "runs" / "t").exists()


def test_a_state_of_networks_of_another_size_names_the_flag(run_dir: Path, argv: Argv) -> None:
    for path in run_dir.glob("train_opt.*"):
        path.unlink()
    with pytest.raises(ValueError, match=r"^G in latest_state\.pth does not fit.*--ngf 2"):
        resume(argv, "--ngf", "3")
