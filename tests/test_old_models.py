"""Model files in the style of the original implementation, unchanged: tests/old_style/."""

import os
import signal
from pathlib import Path

import processes
import pytest
import torch
from conftest import Argv
from runs import differences, load_state, logged, read_losses

import models
from options.train_options import TrainOptions
from test import test as translate
from train import train
from training.clock import Clock
from training.step import TrainingStep
from util.random_states import seed_everything

FOLDER = Path(__file__).parent / "old_style"
NAMES = sorted(path.stem.removesuffix("_model") for path in FOLDER.glob("*_model.py"))


@pytest.fixture(autouse=True)
def old_style(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count the files as if they had been copied to models/."""
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(FOLDER)])


def run_dir(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "t"


@pytest.mark.parametrize(("name", "ours", "flags"), [
    ("pairs", "pix2pix", "--dropout --norm batch --direction BtoA --gan_mode lsgan"),
    ("loops", "cycle_gan", "--pool_size 3"),
    pytest.param("loops", "cycle_gan", "--lambda_identity 0 --norm batch", marks=pytest.mark.soak),
])
def test_losses_equal_those_of_our_own_model(name: str, ours: str, flags: str, argv: Argv) -> None:
    """Twelve steps from equal seeds, in float64: our own model joins some forward passes."""
    seen = []
    for model in (name, ours):
        opt = TrainOptions().parse(argv("--model", model, "--init_gain", "0.2", *flags.split()))
        seed_everything(0)
        learn = TrainingStep(models.create_model(opt))
        learn.model.setup(opt)
        for net in learn.model.parts.networks.values():
            net.double()
        batches = torch.Generator().manual_seed(1)
        rows = []
        for _ in range(12):
            A, B = torch.rand(2, 1, 3, 16, 16, generator=batches).double() * 2 - 1
            learn({"A": A, "B": B, "A_paths": ["x"], "B_paths": ["x"]})
            rows.append(learn.model.get_current_losses())
        assert list(rows[0]) == list(rows[-1])
        seen.append({key: torch.tensor([row[key] for row in rows]) for key in rows[0]})
    assert list(seen[0]) == list(seen[1])
    torch.testing.assert_close(seen[0], seen[1], rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", [
    name if name == "shade" else pytest.param(name, marks=pytest.mark.soak) for name in NAMES])
def test_a_run_is_resumed_exactly_and_tested(
    name: str, argv: Argv, test_argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pools, the optimizers, the random states and the file's own attributes continue."""
    flags = ["--model", name, "--pool_size", "2", "--n_epochs", "2", "--n_epochs_decay", "1",
             "--lr", "0.002", "--print_freq", "1", "--ema", "0.9", "--val_phase", "test"]
    flags = flags[:-4] if name == "shade" else flags
    train(argv(*flags))
    straight = load_state(run_dir(tmp_path)), logged(run_dir(tmp_path))
    original = Clock.advance

    def advance(clock: Clock, images: int) -> None:
        original(clock, images)
        if clock.images == 5:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Clock, "advance", advance)
        train(argv(*flags, "--overwrite"))
    train(argv(*flags, "--continue_train"))
    assert differences(straight[0], load_state(run_dir(tmp_path))) == []
    assert straight[1] == logged(run_dir(tmp_path))
    if name == "shade":
        with pytest.raises(ValueError, match=r"shade_model.py may not .*\(it returns dict\)"):
            translate(test_argv("--inputs"))
    page = translate(test_argv())
    shown = {path.stem.partition("_")[2] for path in (page.parent / "images").rglob("*.png")}
    assert shown >= {"tint": {"fake_B_rgb"}, "shade": {"output", "heat"}}.get(name, {"fake_B"})


def test_a_file_with_its_own_network_may_leave_netG_at_its_default(
    argv: Argv, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--netG", "unet_256")  # needs sides of 256 pixels; those of ``argv`` are 16
    assert TrainOptions().parse(argv("--model", "pairs", *flags)).netG == "unet_256"
    with pytest.raises(SystemExit):
        TrainOptions().parse(argv("--model", "pix2pix", *flags))
    assert "--netG unet_256 needs a --crop_size that is a multiple of" in capsys.readouterr().err


@pytest.mark.parametrize(("flags", "message"), [
    ("--precision fp16", "--precision fp16 needs losses that self.update scales, and models/pairs"),
    ("--lr_D 0.1", "pairs_model.py makes its optimizers itself and does not read the flag"),
    ("--lr_policy plateau", "give --lr_metric with the name of one of its losses"),
])
def test_what_cannot_work_with_such_a_file_is_refused(
    flags: str, message: str, argv: Argv, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        TrainOptions().parse(argv("--model", "pairs", *flags.split()))
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("line", "message"), [
    ("self.loss_G = self.fake_B", r"loss_G has the shape \[1, 3, 16, 16\], wanted one number"),
    ("self.loss_G = self.loss", r"fault2_model.py, line 25, `self.loss_G = .*`: AttributeError"),
])
def test_faults_of_a_file_are_named(
    line: str, message: str, argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    name = f"fault{len(line) % 7}"
    text = (FOLDER / "half_model.py").read_text().partition("    def optimize")[0]
    (tmp_path / f"{name}_model.py").write_text(
        f"{text}    def optimize_parameters(self):\n        self.forward()\n        {line}\n")
    with pytest.raises(ValueError, match=message):
        train(argv("--model", name))


def train_old(argv: list[str]) -> None:
    models.__path__ += [str(FOLDER)]
    train(argv)


@pytest.mark.soak
@pytest.mark.parametrize("name", ["pairs", "sharp"])
def test_two_processes_equal_one_with_twice_the_batch(
    name: str, argv: Argv, tmp_path: Path
) -> None:
    """Gradients and batch norms are shared, also those of a subclass of our own model."""
    flags = ["--model", name, "--no_dropout", "--print_freq", "1", "--max_dataset_size", "3"]
    train(argv(*flags, "--batch_size", "2", "--name", "one"))
    started = processes.start(tmp_path / "output", train_old, argv(*flags, "--name", "two"))
    assert processes.finish(started) == [0, 0]
    one, two = (read_losses(tmp_path / "runs" / run) for run in ("one", "two"))
    names = ["G_GAN", "G_L1", "D_real", "D_fake"]
    for first, other in zip(one, two, strict=True):
        torch.testing.assert_close([float(first[name]) for name in names],
                                   [float(other[name]) for name in names], rtol=1e-3, atol=1e-4)
