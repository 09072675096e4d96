"""A run that is killed with SIGKILL and goes on equals one that never stopped, to the bit.

``make soak`` does it a hundred times, at random moments.
"""

import itertools
import multiprocessing
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import Argv, draw_pictures
from runs import differences, load_state, logged

import models
from models.schedules import PLATEAU, SCHEDULES
from scripts.benchmarks.soak import Soak, unequal
from train import train
from training.saving.run_saver import RunSaver

TRAINABLE = [name for name in models.available() if name != "test"]
KILLED_AT = 8  # images; epoch 2 holds 6 to 10


@pytest.mark.parametrize(("model", "workers"), [("pix2pix", 0), ("cycle_gan", 2)])
def test_a_killed_run_equals_a_straight_one(model: str, workers: int, tmp_path: Path) -> None:
    trial = Soak(tmp_path, model, epochs=4, workers=workers, seed=1)
    trial.run_straight()
    kills = 0
    while kills < 2:
        kills += trial.kill_until_finished(most_kills=2 - kills)
        assert trial.differences() == []


def test_the_comparison_sees_a_difference() -> None:
    assert unequal({"a": [1, {"b": 2.0}]}, {"a": [1, {"b": 2.5}]}) == [".a.1.b"]
    assert unequal({"a": 1}, {"a": 1, "b": 2}) == [""]


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL")
@pytest.mark.parametrize(
    ("model", "policy"),
    [
        *((model, PLATEAU) for model in TRAINABLE),  # the one that keeps a state
        *zip(itertools.cycle(TRAINABLE), SCHEDULES, strict=False),
    ],
)
def test_every_model_goes_on_with_two_workers(
    model: str, policy: str, argv: Argv, dataroot: Path, tmp_path: Path
) -> None:
    """Killed in the middle of epoch 2, with full pools and dropout. The straight run has no
    workers: their number must not matter."""
    for folder, width in (("train", 64), ("trainA", 32), ("trainB", 32)):
        draw_pictures(dataroot / folder, 5, (width, 32))
    flags = argv("--model", model, "--lr_policy", policy, "--lr_decay_iters", "1", "--no_html",
                 "--dropout", "--pool_size", "2", "--load_size", "20", "--lr", "0.002",
                 "--n_epochs", "2", "--n_epochs_decay", "1", "--print_freq", "1",
                 "--save_latest_freq", "1")
    train([*flags, "--name", "straight"])
    killed = [*flags, "--name", "killed", "--num_threads", "2"]
    # Forked from a process that has imported torch: four seconds less for each run.
    process = PROCESSES.Process(target=train_until_killed, args=(killed,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    run_dir = tmp_path / "runs" / "killed"
    state = load_state(run_dir)
    # The last save, of 7 images, may have been in the writing.
    assert (state[".clock.epoch"], state[".clock.images"]) in ((2, 6), (2, 7))
    assert len(logged(run_dir)) == 2 * KILLED_AT
    train([*killed, "--continue_train"])
    straight = tmp_path / "runs" / "straight"
    assert differences(load_state(straight), load_state(run_dir)) == []
    assert logged(straight) == logged(run_dir)


def train_until_killed(argv: Sequence[str]) -> None:
    """Dies when a step has been reported and is not yet saved."""
    original = RunSaver.save_if_due

    def save_if_due(saver: RunSaver, *, now: bool) -> None:
        if saver.clock.images == KILLED_AT:
            os.kill(os.getpid(), signal.SIGKILL)
        original(saver, now=now)

    RunSaver.save_if_due = save_if_due  # type: ignore[method-assign, assignment]
    # Workers of a fork server would outlive the kill.
    multiprocessing.set_start_method("fork", force=True)
    train(argv)


if os.name == "posix":
    PROCESSES = multiprocessing.get_context("forkserver")
    PROCESSES.set_forkserver_preload(["train"])
