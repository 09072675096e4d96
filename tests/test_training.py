"""The loop of train.py: what it counts, when it saves, how it is resumed."""

import json
import logging
import os
import signal
from pathlib import Path

import pytest
import torch
from conftest import Argv
from plugin_files import plateau_flags
from runs import differences, load_state, logged, read_losses

import models
from models.base_model import BaseModel
from options.train_options import TrainOptions
from train import train
from training.clock import Clock
from util import checkpoint
from util.random_states import seed_everything

TRAINABLE = [name for name in models.available() if name != "test"]


def saved(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "runs" / "t").glob("*.pth")}


def test_the_last_epoch_is_saved_and_latest_too(argv: Argv, tmp_path: Path) -> None:
    train(argv("--model", "template", "--n_epochs", "2", "--n_epochs_decay", "1"))
    assert saved(tmp_path) == {"3_net_G.pth", "latest_net_G.pth", "latest_state.pth"}
    assert not list((tmp_path / "runs").rglob("*partial*"))


def test_numbered_epochs_are_saved(argv: Argv, tmp_path: Path) -> None:
    train(argv("--model", "template", "--n_epochs", "5", "--save_epoch_freq", "2"))
    numbered = {"2_net_G.pth", "4_net_G.pth", "5_net_G.pth"}
    assert saved(tmp_path) == numbered | {"latest_net_G.pth", "latest_state.pth"}


@pytest.mark.parametrize("by_iter", [True, False])
def test_saves_fire_when_a_multiple_of_images_is_crossed(
    by_iter: bool, argv: Argv, tmp_path: Path
) -> None:
    flags = ["--save_by_iter"] if by_iter else []
    # Batches of 2 and 1: 2, 3, 5, 6 images; a multiple of 4 is crossed only at 5.
    train(argv("--model", "template", "--n_epochs", "2", "--batch_size", "2",
               "--save_latest_freq", "4", *flags))
    names = {name for name in saved(tmp_path) if name.startswith("iter")}
    assert names == ({"iter_5_net_G.pth"} if by_iter else set())


def test_a_save_on_the_last_image_waits_for_the_end_of_the_epoch(
    argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill between the two would leave a finished epoch without its log lines and files."""
    order: list[str] = []
    monkeypatch.setattr("display.sinks.base_sink.Sink.end_epoch", lambda *_: order.append("end"))

    def network_files(_: BaseModel, label: int | str) -> dict[Path, dict[str, torch.Tensor]]:
        order.append(str(label))
        return {}

    monkeypatch.setattr(BaseModel, "network_files", network_files)
    train(argv("--model", "template", "--n_epochs", "2", "--save_latest_freq", "3",
               "--save_by_iter", "--no_html"))
    ends = [index for index, word in enumerate(order) if word == "end"]
    # The first "latest" only measures the space that a save needs.
    assert [word for word in order if word != "end"] == [
        "latest", "iter_3", "latest", "iter_6", "2", "latest",
    ]
    assert ends[0] < order.index("iter_3") < ends[-1] < order.index("iter_6")


def test_losses_are_read_from_the_device_only_to_be_printed(
    argv: Argv, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    original = BaseModel.get_current_losses

    def counted(model: BaseModel) -> dict[str, float]:
        reads.append(1)
        return original(model)

    monkeypatch.setattr(BaseModel, "get_current_losses", counted)
    train(argv("--model", "pix2pix", "--n_epochs", "4", "--print_freq", "5"))
    # 12 images: lines at 5 and 10, and one for the rest of each epoch: 3, 6, 9, 12; before them the
    # line on the console after the first step.
    assert len(reads) == 7


def test_the_learning_rate_follows_the_schedule(argv: Argv, tmp_path: Path) -> None:
    train(argv("--model", "template", "--lr", "0.4", "--n_epochs_decay", "3"))
    rates = [float(row["lr"]) for row in read_losses(tmp_path / "runs" / "t")]
    assert rates == pytest.approx([0.4, 0.3, 0.2, 0.1])


def test_plateau_uses_the_losses_of_the_run(argv: Argv, tmp_path: Path) -> None:
    """The tiny rate keeps the loss constant, so the rate falls in epoch 8."""
    train(argv("--model", "template", "--lr", "1e-12", "--n_epochs", "8", "--no_html",
               "--lr_policy", "plateau", "--no_flip"))
    rates = [float(row["lr"]) for row in read_losses(tmp_path / "runs" / "t")]
    assert rates == pytest.approx([1e-12] * 7 + [2e-13])


@pytest.mark.parametrize("model", ["pix2pix", "cycle_gan"])
def test_the_same_seed_gives_the_same_run(model: str, argv: Argv, tmp_path: Path) -> None:
    def run(name: str, *flags: str) -> dict[str, torch.Tensor]:
        train(argv("--model", model, "--dropout", "--load_size", "20", "--n_epochs", "2",
                   "--pool_size", "2", "--name", name, *flags))
        return load_state(tmp_path / "runs" / name)

    first = run("a")
    assert differences(first, run("b", "--num_threads", "2")) == []
    assert differences(first, run("c", "--seed", "1"))


def test_the_seed_decides_the_first_weights(argv: Argv) -> None:
    def first_weights(seed: str) -> torch.Tensor:
        seed_everything(int(seed))
        opt = TrainOptions().parse(argv("--model", "template", "--seed", seed))
        return next(models.create_model(opt).networks["G"].parameters())

    assert torch.equal(first_weights("3"), first_weights("3"))
    assert not torch.equal(first_weights("3"), first_weights("4"))


# ---- resume ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "policy"),
    [
        *((model, policy) for model in TRAINABLE for policy in ("linear", "plateau")),
        *(("pix2pix", policy) for policy in ("step", "cosine", "constant")),
        ("cycle_gan", "linear --precision bf16 --channels_last --grad_accum 2 "
                      "--checkpoint_activations --norm batch"),
    ],
)
def test_resume_inside_an_epoch_equals_a_straight_run(
    model: str, policy: str, argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C stops the run after 5 of 9 images, in the middle of epoch 2; equal to the bit."""
    flags = ["--model", model, "--dropout", "--pool_size", "2", "--n_epochs", "2",
             "--n_epochs_decay", "1", "--lr", "0.002", "--load_size", "20", "--lr_decay_iters", "1",
             "--lr_policy", *policy.split()]
    if policy == "plateau":
        flags += plateau_flags(model, argv)
    train(argv(*flags, "--name", "straight"))
    original = Clock.advance

    def advance(clock: Clock, images: int) -> None:
        original(clock, images)
        if clock.images == 5:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stop:
        patch.setattr(Clock, "advance", advance)
        train(argv(*flags, "--name", "stopped"))
    assert stop.value.code == 130
    state = load_state(tmp_path / "runs" / "stopped")
    assert (state[".clock.epoch"], state[".clock.epoch_images"]) == (2, 2)
    assert read_losses(tmp_path / "runs" / "stopped")[-1]["images"] == "5", "cut off by the resume"
    train(argv(*flags, "--name", "stopped", "--continue_train"))
    straight, stopped = tmp_path / "runs" / "straight", tmp_path / "runs" / "stopped"
    assert differences(load_state(straight), load_state(stopped)) == []
    assert logged(straight) == logged(stopped)


def test_sigterm_stops_the_run_and_handlers_are_restored(
    argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    monkeypatch.setattr(
        BaseModel, "report_losses", lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM)
    )
    with pytest.raises(SystemExit) as stop:
        train(argv("--model", "template", "--print_freq", "99"))
    assert stop.value.code == 143
    assert saved(tmp_path) == {"latest_net_G.pth", "latest_state.pth"}
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_epoch_count_overrides_the_saved_epoch(argv: Argv, tmp_path: Path) -> None:
    train(argv("--model", "template", "--n_epochs", "3"))
    train(argv("--model", "template", "--n_epochs", "3", "--continue_train", "--epoch_count", "2"))
    epochs = [int(row["epoch"]) for row in read_losses(tmp_path / "runs" / "t")]
    assert epochs == [1, 2, 3]


def test_resuming_a_finished_run_is_logged_and_changes_nothing(
    argv: Argv, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(argv("--model", "template"))
    before = {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*.*")}
    with caplog.at_level(logging.INFO):
        train(argv("--model", "template", "--continue_train"))
    assert caplog.messages[-1].startswith("nothing left to train: the next epoch is 2, the run")
    assert {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*.*")} == before


def test_a_run_is_resumed_from_weights_with_a_log_line(
    argv: Argv, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(argv("--model", "pix2pix"))
    run_dir = tmp_path / "runs" / "t"
    (run_dir / "latest_state.pth").unlink()
    before = checkpoint.load(run_dir / "latest_net_G.pth")
    with caplog.at_level(logging.INFO):
        train(argv("--model", "pix2pix", "--continue_train", "--n_epochs", "2", "--lr", "1e-12"))
    assert any("the optimizers start from scratch" in line for line in caplog.messages)
    after = checkpoint.load(run_dir / "latest_net_G.pth")
    name = next(key for key in before if key.endswith("weight"))
    torch.testing.assert_close(before[name], after[name])


def test_a_missing_discriminator_is_named(argv: Argv, tmp_path: Path) -> None:
    train(argv("--model", "pix2pix"))
    for name in ("latest_net_D.pth", "latest_state.pth"):
        (tmp_path / "runs" / "t" / name).unlink()
    with pytest.raises(FileNotFoundError, match=r"latest_net_D\.pth.*latest_net_G\.pth"):
        train(argv("--model", "pix2pix", "--continue_train"))


@pytest.mark.parametrize("flags", ["--direction BtoA", "--ngf 3", "--model template"])
def test_a_resume_with_another_network_is_refused(
    flags: str, argv: Argv, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(argv("--model", "pix2pix"))
    with pytest.raises(SystemExit) as stop:
        train(argv("--model", "pix2pix", *flags.split(), "--continue_train"))
    assert stop.value.code == 2
    assert "was trained with" in capsys.readouterr().err


def test_a_state_of_other_parts_is_refused_by_name(argv: Argv) -> None:
    model = models.create_model(TrainOptions().parse(argv("--model", "pix2pix")))
    bare = TrainOptions().parse(argv("--model", "pix2pix", "--lambda_GAN", "0"))
    with pytest.raises(ValueError, match="holds the networks G, this run has G, D"):
        model.load_state_dict(models.create_model(bare).state_dict())


def test_a_folder_with_a_run_is_neither_mixed_nor_overwritten(
    argv: Argv, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(argv("--model", "pix2pix", "--n_epochs", "3"))
    run_dir = tmp_path / "runs" / "t"
    (run_dir / "notes.txt").write_text("mine")
    before = {path: path.read_bytes() for path in run_dir.rglob("*.*")}
    with pytest.raises(SystemExit) as stop:
        train(argv("--model", "template"))
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert all(fix in message for fix in ("--continue_train", "another --name", "--overwrite"))
    assert {path: path.read_bytes() for path in run_dir.rglob("*.*")} == before
    train(argv("--model", "template", "--overwrite", page=True))
    assert saved(tmp_path) == {"1_net_G.pth", "latest_net_G.pth", "latest_state.pth"}
    assert {path.name for path in (run_dir / "web" / "images").iterdir()} == {
        f"epoch001_{label}.png" for label in ("real_A", "fake_B", "real_B")
    }
    assert [row["epoch"] for row in read_losses(run_dir)] == ["1"]
    assert (run_dir / "notes.txt").read_text() == "mine"


def test_a_resume_needs_no_flags_and_logs_those_that_change(
    argv: Argv, dataroot: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(argv("--model", "pix2pix", "--direction", "BtoA", "--n_epochs", "1", "--lambda_L1", "7"))
    plain = ["--dataroot", str(dataroot), "--checkpoints_dir", str(tmp_path / "runs"),
             "--name", "t", "--continue_train", "--gpu_ids", "-1"]
    with caplog.at_level(logging.INFO):
        train([*plain, "--n_epochs", "3"])
    assert "changed since the run was started: n_epochs 1 -> 3" in caplog.messages
    options = json.loads((tmp_path / "runs" / "t" / "train_opt.json").read_text())
    assert (options["direction"], options["lambda_L1"], options["ngf"]) == ("BtoA", 7.0, 2)
    assert [row["epoch"] for row in read_losses(tmp_path / "runs" / "t")] == ["1", "2", "3"]


@pytest.mark.parametrize("workers", ["0", "1"])
def test_an_unreadable_image_is_reported_in_one_sentence(
    workers: str, argv: Argv, dataroot: Path
) -> None:
    broken = dataroot / "train" / "1.png"
    broken.write_bytes(broken.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"1\.png") as error:
        train(argv("--model", "template", "--num_threads", workers))
    assert "\n" not in str(error.value)
