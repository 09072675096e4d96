"""A run that is killed with SIGKILL and resumed equals an uninterrupted run, bit for bit.

``make soak`` kills it a hundred times, at random moments.
"""

import itertools
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from conftest import Argv, draw_pictures
from plugin_files import plateau_flags
from processes import fork
from read_page import require_whole
from runs import differences, flat, load_state, logged

import models
from models.schedules import PLATEAU, SCHEDULES
from train import train
from training.saving.run_saver import RunSaver
from util import checkpoint

TRAINABLE = [name for name in models.available() if name != "test"]
KILLED_AT = 8  # images; epoch 2 holds 6 to 10
SMALL = (
    "--gpu_ids -1 --netG resnet_6blocks --netD n_layers --n_layers_D 1 --ngf 2 --ndf 2 --dropout "
    "--load_size 20 --crop_size 16 --pool_size 3 --display_id 0 --batch_size 2 --print_freq 7 "
    "--save_latest_freq 20 --save_epoch_freq 1 --n_epochs_decay 2"
)


@pytest.mark.parametrize(("model", "workers", "epochs", "kills"), [
    ("pix2pix", 0, 4, 1),
    ("cycle_gan", 2, 4, 1),
    pytest.param("pix2pix", 0, 20, int(os.environ.get("SOAK_KILLS", "100")),
                 marks=pytest.mark.soak),
])
def test_a_killed_run_equals_a_straight_one(
    model: str, workers: int, epochs: int, kills: int, tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Kill separate processes at any time between the start and the end of the run.

    Many kills also find the moments in which a page is written.
    """
    for folder, width in (("train", 40), ("trainA", 20), ("trainB", 20)):
        draw_pictures(tmp_path / folder, 15, (width, 20))
    command = [
        "--dataroot", str(tmp_path), "--checkpoints_dir", str(tmp_path), "--model", model,
        "--n_epochs", str(epochs), "--num_threads", str(workers), *SMALL.split(),
        *(["--update_html_freq", "4"] if kills > 1 else ["--no_html"]),
    ]
    straight, killed, moments = tmp_path / "straight", tmp_path / "killed", random.Random(1)
    wanted, finished, start = kills, 0, time.monotonic()
    assert not run_or_kill([*command, "--name", "straight"], None)
    seconds = time.monotonic() - start
    while kills > 0:
        shutil.rmtree(killed, ignore_errors=True)
        was_killed = True
        while was_killed and not is_finished(killed, straight):
            resume = "--continue_train" if (killed / "latest_state.pth").exists() else "--overwrite"
            patience = moments.uniform(0, seconds) if kills > 0 else None
            was_killed = run_or_kill([*command, "--name", "killed", resume], patience)
            kills -= was_killed
            require_whole(killed / "web")
        assert differences(saved(straight), saved(killed)) == []
        assert logged(straight) == logged(killed)
        if not was_killed:
            assert [*killed.rglob("*.partial*")] == []
            assert require_whole(killed / "web") == require_whole(straight / "web")
        finished += 1
    record_property("measured", f"{wanted - kills} kills in {finished} runs of {seconds:.1f} s, "
                    "each equal to the bit")


def run_or_kill(command: Sequence[str], patience: float | None) -> bool:
    """Return whether the training was killed after ``patience`` seconds."""
    process = fork(train_in_process, (command,))
    process.join(patience)
    was_killed: bool = process.is_alive()
    process.kill()
    process.join()
    assert was_killed or process.exitcode == 0
    return was_killed


def is_finished(run_dir: Path, straight: Path) -> bool:
    """Return True also for a run that was killed after its last save."""
    paths = [folder / "latest_state.pth" for folder in (run_dir, straight)]
    if not paths[0].exists():
        return False
    done, wanted = (checkpoint.load(path)["clock"] for path in paths)
    return bool(done == wanted)


def saved(run_dir: Path) -> dict[str, object]:
    """Return the values of all .pth files."""
    files = {path.name: checkpoint.load(path) for path in run_dir.glob("*.pth")}
    files["latest_state.pth"].pop("logs")  # sizes in bytes, which depend on the times in the lines
    return flat(files)


def test_the_comparison_sees_a_difference() -> None:
    first, second = (flat({"a": [1, {"b": value}]}) for value in (2.0, 2.5))
    assert differences(first, second) == [".a.1.b"]
    with pytest.raises(AssertionError):
        differences(flat({"a": 1}), flat({"a": 1, "b": 2}))


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL")
@pytest.mark.parametrize(
    ("model", "policy"),
    [
        *((model, PLATEAU) for model in TRAINABLE),  # the only policy with a state
        # The others are functions of the epoch; test_training.py resumes each of them.
        *(pytest.param(*pair, marks=pytest.mark.soak)
          for pair in zip(itertools.cycle(TRAINABLE), SCHEDULES, strict=False)),
    ],
)
def test_every_model_resumes_with_two_workers(
    model: str, policy: str, argv: Argv, dataroot: Path, tmp_path: Path
) -> None:
    """Kill in the middle of epoch 2, with full pools and dropout.

    The straight run has no workers: their number must not matter.
    """
    for folder, width in (("train", 64), ("trainA", 32), ("trainB", 32)):
        draw_pictures(dataroot / folder, 5, (width, 32))
    flags = argv("--model", model, "--lr_policy", policy, "--lr_decay_iters", "1", "--no_html",
                 "--dropout", "--pool_size", "2", "--load_size", "20", "--lr", "0.002",
                 "--n_epochs", "2", "--n_epochs_decay", "1", "--print_freq", "1",
                 "--save_latest_freq", "1")
    if policy == PLATEAU:
        flags += plateau_flags(model, argv)
    train([*flags, "--name", "straight"])
    killed = [*flags, "--name", "killed", "--num_threads", "2"]
    process = fork(train_until_killed, (killed,))
    process.join()
    assert process.exitcode == -signal.SIGKILL
    run_dir = tmp_path / "runs" / "killed"
    state = load_state(run_dir)
    # The last save, at 7 images, may not have been complete.
    assert (state[".clock.epoch"], state[".clock.images"]) in ((2, 6), (2, 7))
    assert len(logged(run_dir)) == 2 * KILLED_AT
    train([*killed, "--continue_train"])
    straight = tmp_path / "runs" / "straight"
    assert differences(load_state(straight), load_state(run_dir)) == []
    assert logged(straight) == logged(run_dir)


def train_until_killed(argv: Sequence[str]) -> None:
    """Train, and die when a step has been reported but not yet saved."""
    original = RunSaver.save_if_due

    def save_if_due(saver: RunSaver, *, now: bool) -> None:
        if saver.clock.images == KILLED_AT:
            os.kill(os.getpid(), signal.SIGKILL)
        original(saver, now=now)

    RunSaver.save_if_due = save_if_due  # type: ignore[method-assign, assignment]
    train_in_process(argv)


def train_in_process(argv: Sequence[str]) -> None:
    # Workers of a fork server would outlive the kill.
    multiprocessing.set_start_method("fork", force=True)
    train(argv)
