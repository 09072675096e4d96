"""A recorded step equals an eager step; steps that cannot be captured run eagerly."""

import copy
import csv
import dataclasses
import logging
import random
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Argv
from pretend_graph import record
from tiny_models import build, run
from watched_training import WatchedTraining

from models.base_model import BaseModel
from models.execution import speed as steps
from models.execution.speed import Speed
from train import train
from training import step
from training.step import WARM_UP, RecordedStep, TrainingStep
from util.random_states import seed_everything

# float32 holds this rate exactly; in a recorded step the rate is a tensor.
EXACT = "--lr 0.0009765625 --lr_policy linear --n_epochs 1 --n_epochs_decay 1 "
MODELS = {
    "pix2pix": "--model pix2pix --norm batch",
    "pix2pix wgangp": "--model pix2pix --norm instance --gan_mode wgangp",
    "cycle_gan": "--model cycle_gan",
    "cycle_gan, full buffers": "--model cycle_gan --pool_size 1 --lambda_identity 0",
    "colorization": "--model colorization",
    "template": "--model template --norm batch",
    "fp16": "--model pix2pix --no_dropout --precision fp16",
}


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Record on the CPU as on a GPU."""
    original = Speed.of

    def of(opt: Namespace) -> Speed:
        return dataclasses.replace(original(opt), graph=opt.cuda_graph)

    monkeypatch.setattr(steps.Speed, "of", of)
    monkeypatch.setattr(step, "record_cuda_graph", record)


def pair(flags: str) -> tuple[BaseModel, BaseModel]:
    return build(EXACT + flags), build(EXACT + flags + " --cuda_graph")


def learn(model: BaseModel, recorded: TrainingStep) -> list[torch.Tensor]:
    """Return losses and images of 3 * 6 steps, with another batch size, then another rate."""
    torch.manual_seed(1)
    results = []
    for epoch, images in ((1, 2), (1, 1), (2, 2)):
        model.update_learning_rate(epoch)
        results.append(run(model, 6, images, learn=recorded))
        model.compute_visuals()
        results += [image.clone() for image in model.get_current_visuals().values()]
    return results


def comparable_state(model: BaseModel) -> dict[str, object]:
    state = model.state_dict()
    for optimizer in state["optimizers"].values():
        for group in optimizer["param_groups"]:
            del group["capturable"]
    del state["plateau"], state["scalers"]
    return state


@pytest.mark.parametrize("flags", MODELS.values(), ids=MODELS)
def test_recorded_steps_equal_eager_ones_to_the_bit(
    flags: str, graphs: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    plain, recorded = pair(flags)
    replays = Counted(record)
    wanted = learn(plain, TrainingStep(plain))
    results = learn(recorded, RecordedStep(recorded, replays))
    assert replays.count == 2 * 6 - WARM_UP
    torch.testing.assert_close(results, wanted, rtol=0, atol=0)
    torch.testing.assert_close(comparable_state(recorded), comparable_state(plain), rtol=0, atol=0)
    assert sum("batches of another size" in message for message in caplog.messages) == 1


@pytest.mark.parametrize("flags", ["--model pix2pix --norm batch", "--model cycle_gan"])
def test_the_doctor_measures_the_same_in_recorded_steps(flags: str, graphs: None) -> None:
    plain = WatchedTraining(EXACT + flags)
    step_class = partial(RecordedStep, record=record)
    recorded = WatchedTraining(EXACT + flags + " --cuda_graph", step=step_class)
    for training in (plain, recorded):
        torch.manual_seed(1)  # dropout
        training.learn(checks=6, steps=2)
    assert len(plain.doctor.measured) > 6
    assert recorded.doctor.measured == plain.doctor.measured


class Counted:
    """Counts the replays of ``record``."""

    def __init__(self, record: Callable[[Callable[[], None]], Callable[[], None]]) -> None:
        self.record = record
        self.count = 0

    def __call__(
        self, step: Callable[[], None], device: torch.device | None = None
    ) -> Callable[[], None]:
        replay = self.record(step)

        def counted() -> None:
            self.count += 1
            replay()

        return counted


def test_a_recorded_run_is_resumed_with_and_without_recording(graphs: None) -> None:
    plain, recorded = pair("--model cycle_gan")
    run(recorded, 8, learn=RecordedStep(recorded, record))
    plain.load_state_dict(copy.deepcopy(recorded.state_dict()))
    again = build(EXACT + "--model cycle_gan --cuda_graph")
    again.load_state_dict(copy.deepcopy(recorded.state_dict()))
    wanted = run(plain, 8)
    assert torch.equal(run(again, 8, learn=RecordedStep(again, record)), wanted)
    assert torch.equal(run(recorded, 8, learn=RecordedStep(recorded, record)), wanted)


def synchronises(model: BaseModel) -> None:
    float(model.losses["G"])


def counts(model: BaseModel) -> None:
    model.steps_so_far = getattr(model, "steps_so_far", 0) + 1  # type: ignore[attr-defined]


def draws_with_random(model: BaseModel) -> None:
    random.random()


def draws_with_numpy(model: BaseModel) -> None:
    np.random.rand()


def queries_twice(model: BaseModel) -> None:
    pool = model.pools.get("twice") or model.add_pool("twice")
    for _ in range(2):
        pool.query(model.netG(model.data_A))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(synchronises, "waits for the device"), (counts, "self.steps_so_far, which is not a tensor"),
     (draws_with_random, "random numbers on the host"),
     (draws_with_numpy, "random numbers on the host"), (queries_twice, "each image buffer once")],
)
def test_a_step_that_cannot_be_captured_runs_eagerly(
    spoil: Callable[[BaseModel], None], reason: str, graphs: None,
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain, recorded = pair("--model template")
    original = type(plain).optimize_parameters

    def optimize_parameters(model: BaseModel) -> None:
        original(model)
        spoil(model)

    monkeypatch.setattr(type(plain), "optimize_parameters", optimize_parameters)
    seed_everything(1)
    wanted = run(plain, 6)
    drawn = random.random(), np.random.rand()
    seed_everything(1)
    assert torch.equal(run(recorded, 6, learn=RecordedStep(recorded, record)), wanted)
    assert (random.random(), np.random.rand()) == drawn
    assert getattr(recorded, "steps_so_far", 6) == 6
    [warning] = [line for line in caplog.messages if "capture failed" in line]
    assert reason in warning


def test_a_log_line_says_that_there_is_no_gpu(argv: Argv, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        train(argv("--model", "template", "--cuda_graph"))
    assert "--cuda_graph has no effect, since the device is cpu" in caplog.messages


@pytest.mark.parametrize(
    ("flags", "device", "wanted"),
    [({"precision": "tf32"}, "cpu", ["has no effect, because the device is cpu"]),
     ({"precision": "tf32"}, "cuda", []),
     ({"precision": "fp16"}, "cpu", ["more CPUs support --precision bf16"]),
     ({"precision": "fp16"}, "cuda", []),
     ({"precision": "bf16"}, "cpu", []),
     ({"compile": True}, "cuda", ["may take minutes"])],
)
def test_flags_without_effect_are_named(
    flags: dict[str, Any], device: str, wanted: list[str]
) -> None:
    lines = list(Speed(**flags).remarks(torch.device(device)))
    assert len(lines) == len(wanted)
    assert all(text in line for text, line in zip(wanted, lines, strict=True))


def test_flags_without_effect_are_logged_at_the_start(
    argv: Argv, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        train(argv("--model", "template", "--precision", "tf32"))
    assert "--precision tf32 has no effect, because the device is cpu" in caplog.messages


def test_train_records(
    argv: Argv, graphs: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The plateau policy adds up losses outside of the recorded step."""
    replays = Counted(record)
    monkeypatch.setattr(step, "record_cuda_graph", replays)
    words = ["--model", "template", "--n_epochs", "6", "--lr_policy", "plateau",
             "--lr", "0.0009765625", "--batch_size", "1"]
    logs = []
    for name, flags in (("plain", []), ("recorded", ["--cuda_graph"])):
        train(argv(*words, "--name", name, "--checkpoints_dir", str(tmp_path), *flags))
        rows = csv.DictReader((tmp_path / name / "losses.csv").read_text().splitlines())
        logs.append([(row["images"], row["G"], row["lr"]) for row in rows])
    assert replays.count > 0
    assert logs[0] == logs[1]
