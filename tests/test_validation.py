"""--val_phase: what is measured, what it decides, and that the training is not changed."""

import json
import logging
import math
import os
import random
import signal
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest
import torch
from conftest import Argv, draw_pictures
from PIL import Image
from runs import bytes_of, differences, load_state, logged, read_losses
from stand_ins import picture

import metrics
import models
from inference.prepare import PictureNorm
from inference.translator import Translator
from metrics.evaluation import Example
from models.comparison import Comparison
from options.train_options import TrainOptions
from options.validation_flags import PAIR_METRICS, SET_METRICS, validation_options
from test import test as translate
from train import train
from training.clock import Clock
from training.validation.twin import twin_of
from training.validation.validation import _release
from util import checkpoint
from util.random_states import random_state, random_states_kept, set_random_state

TRAINABLE = [name for name in models.available() if name != "test"]
VALIDATION = ("--val_phase", "val", "--no_html", "--dropout", "--load_size", "20")


@pytest.fixture
def dataroot(dataroot: Path) -> Path:
    """5 images for training and 3 for validation."""
    for phase, count, seed in (("train", 5, 1), ("val", 3, 4)):
        draw_pictures(dataroot / phase, count, (64, 32), seed=seed)
        draw_pictures(dataroot / f"{phase}A", count, (32, 32), seed=seed + 1)
        draw_pictures(dataroot / f"{phase}B", count, (32, 32), seed=seed + 2)
    return dataroot


def default_metrics(model: str, argv: Argv) -> list[str]:
    """Return the columns of the metrics that validate the model by default."""
    opt = TrainOptions().parse(argv("--model", model, *VALIDATION))
    assert opt.val_metrics in (PAIR_METRICS, SET_METRICS)
    return list(opt.val_values)


def without_best(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if not key.startswith(".best")}


# ---- the training is not changed ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "flags", "validation"),
    [
        ("pix2pix", "--norm batch --num_threads 2", ""),
        ("pix2pix", "--channels_last --precision bf16 --grad_accum 2", "--val_freq 2"),
        ("cycle_gan", "--norm batch --pool_size 2", "--val_freq 3"),
        ("colorization", "--ema 0.9", ""),
        ("template", "", "--val_metrics mse --early_stop 9"),
    ],
)
def test_runs_with_and_without_validation_are_equal_to_the_bit(
    model: str, flags: str, validation: str, argv: Argv, tmp_path: Path
) -> None:
    plain = argv("--model", model, "--n_epochs", "3", "--no_html", "--dropout", "--load_size", "20",
                 *flags.split())
    train([*plain, "--name", "without"])
    train([*plain, "--name", "with", "--val_phase", "val", *validation.split()])
    with_it, without = (load_state(tmp_path / "runs" / name) for name in ("with", "without"))
    assert with_it[".best.validations"] >= 3
    assert differences(without_best(with_it), without_best(without)) == []


def test_networks_and_random_states_are_not_changed(argv: Argv) -> None:
    opt = TrainOptions().parse(argv("--model", "pix2pix", "--norm", "batch", *VALIDATION))
    model = models.create_model(opt)
    model.setup(opt)
    before = {key: tensor.clone() for key, tensor in model.networks["G"].state_dict().items()}
    drawn = torch.get_rng_state()
    twin = twin_of(model, validation_options(opt))
    assert torch.equal(torch.get_rng_state(), drawn)
    image = torch.rand(1, 3, 16, 16)
    twin.set_input({"A": image, "B": image, "A_paths": ["a"], "B_paths": ["b"]})
    twin.test()
    assert all(net.training for net in model.networks["G"].modules())
    assert not any(isinstance(module, PictureNorm) for module in model.networks["G"].modules())
    after = model.networks["G"].state_dict()
    assert all(torch.equal(after[key], before[key]) for key in before)
    # Both share their memory, so the twin has later updates.
    weight = next(model.networks["G"].parameters())
    with torch.no_grad():
        weight.add_(1)
    assert torch.equal(next(twin.networks["G"].parameters()), weight)


def test_every_random_state_is_restored() -> None:
    def draw() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(()))]

    states = random_state()
    wanted = draw()
    set_random_state(states)
    with pytest.raises(RuntimeError), random_states_kept():
        draw()
        raise RuntimeError
    assert draw() == wanted


# ---- what is measured --------------------------------------------------------------------------


@pytest.mark.parametrize("flags", ["", "--ema 0.9", "--preprocess crop --norm batch"])
def test_validation_measures_what_test_writes(
    flags: str, argv: Argv, test_argv: Argv, tmp_path: Path
) -> None:
    train(argv("--model", "pix2pix", *VALIDATION[:2], "--dropout", *flags.split(), page=True))
    row = read_losses(tmp_path / "runs" / "t")[-1]
    page = translate(test_argv("--phase", "val", *["--ema"] * ("ema" in flags)))
    images = page.parent / "images"

    def read(name: str) -> Any:
        return np.asarray(Image.open(images / name), np.float64) / 255

    gaps = [np.abs(read(f"{n}_fake_B.png") - read(f"{n}_real_B.png")).mean() for n in range(3)]
    assert float(row["val_l1"]) == pytest.approx(np.mean(gaps), rel=1e-4)  # some levels differ by 1
    film = tmp_path / "runs" / "t" / "web" / "film"
    for number in range(3):
        frame = (film / f"{number:02d}_000001_epoch1.png").read_bytes()
        assert frame == (images / f"{number}_fake_B.png").read_bytes()


@pytest.mark.parametrize("model", TRAINABLE)
def test_every_model_can_be_validated(model: str, argv: Argv, tmp_path: Path) -> None:
    columns = default_metrics(model, argv)
    train(argv("--model", model, "--n_epochs", "2", "--print_freq", "2", *VALIDATION))
    rows = read_losses(tmp_path / "runs" / "t")
    measured = [row for row in rows if row[columns[0]]]
    assert [row["epoch"] for row in measured] == ["1", "2"]
    assert {row[name] for row in rows if row not in measured for name in columns} == {""}
    lines = [line for line in (tmp_path / "runs" / "t" / "loss_log.txt").read_text().splitlines()
             if "validation" in line]
    size = measured[0]["epoch_images"]
    assert lines[0].startswith(f"(epoch: 1, iters: {size}, validation) {columns[0]}: 0.")
    assert len(lines) == 2


@pytest.mark.parametrize(("every", "places"), [("0", [5, 10]), ("4", [4, 8, 10]), ("5", [5, 10])])
def test_validation_runs_every_val_freq_images_and_at_the_end(
    every: str, places: list[int], argv: Argv, tmp_path: Path
) -> None:
    train(argv("--model", "template", "--n_epochs", "2", "--val_freq", every, *VALIDATION))
    rows = read_losses(tmp_path / "runs" / "t")
    assert [int(row["images"]) for row in rows if row["val_l1"]] == places


def test_the_number_of_images_is_limited(argv: Argv, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        train(argv("--model", "cycle_gan", "--val_pictures", "2", *VALIDATION))
    assert ("validation: 2 images of val; cycle_l1, cycle_psnr, cycle_ssim of rec_A with real_A "
            "and rec_B with real_B") in caplog.messages
    note = [line for line in caplog.messages if "how well the cycle returns the input" in line]
    assert len(note) == 1


def test_cycle_gan_with_pairs_is_compared_with_them(
    argv: Argv, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        train(argv("--model", "cycle_gan", "--dataset_mode", "aligned", *VALIDATION))
    assert any("fake_B with real_B and fake_A with real_A" in line for line in caplog.messages)


def test_metrics_of_sets_and_with_weights(
    argv: Argv, tmp_path: Path, metric_weights: dict[str, Path]
) -> None:
    pytest.importorskip("torch_fidelity")
    weights = str(metric_weights["inception"])
    train(argv("--model", "cycle_gan", "--val_metrics", "kid", "l1", "--inception", weights,
               *VALIDATION))
    row = read_losses(tmp_path / "runs" / "t")[-1]
    assert math.isfinite(float(row["val_kid"]))
    record = json.loads((tmp_path / "runs" / "t" / "best.json").read_text())
    assert record["metric"] == "kid"
    assert record["values"].keys() == {"val_kid", "cycle_l1"}


def test_a_metric_that_cannot_run_is_reported_once(
    argv: Argv, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """MS-SSIM is not defined for 16 x 16 pixels."""
    flags = argv("--model", "template", "--n_epochs", "2", *VALIDATION)
    train([*flags, "--val_metrics", "l1", "ms_ssim"])
    lines = [line for line in caplog.messages if "left out: MS-SSIM suits no image" in line]
    assert len(lines) == 1
    rows = read_losses(tmp_path / "runs" / "t")
    assert {row["val_ms_ssim"] for row in rows} == {""}
    with pytest.raises(ValueError, match="--best_metric ms_ssim has no value"):
        train([*flags, "--val_metrics", "ms_ssim", "--name", "other"])


def test_photos_have_no_label_scores_and_the_training_continues(
    argv: Argv, dataroot: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    noise = np.random.default_rng(0)
    for number in range(3):
        pixels = noise.integers(0, 256, (32, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(dataroot / "val" / f"{number}.png")
    train(argv("--model", "pix2pix", *VALIDATION, "--val_metrics", "l1", "mean_iou"))
    assert any("Mean IoU is for label maps, and the images are not label maps" in line
               for line in caplog.messages)
    assert "--palette" not in caplog.text, "train.py has no such flag"
    row = read_losses(tmp_path / "runs" / "t")[-1]
    assert math.isfinite(float(row["val_l1"])) and row["val_mean_iou"] == ""


def test_a_fid_of_few_images_is_warned_about_once(
    argv: Argv, metric_weights: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("torch_fidelity")
    train(argv("--model", "template", "--n_epochs", "2", *VALIDATION, "--val_metrics", "fid",
               "--inception", str(metric_weights["inception"])))
    lines = [line for line in caplog.messages if line.startswith("validation: FID: ")]
    assert len(lines) == 2
    assert "3 outputs, 3 targets" in lines[0] and "299 x 299" in lines[0]
    assert "FID of 3 images is too high" in lines[1]


def test_an_image_is_released_after_it_is_measured() -> None:
    examples = [Example(f"{seed}", picture(seed, (12, 12, 3)), None) for seed in range(3)]
    images = [ref(example.fake) for example in examples if example.fake]
    for number, example in enumerate(_release(examples)):
        assert example.name == f"{number}"
        assert [image() is None for image in images] == [True] * number + [False] * (3 - number)
    assert not examples


def test_train_has_a_flag_for_the_weights_of_every_metric(argv: Argv, tmp_path: Path) -> None:
    files = {flag: str(tmp_path / flag) for flag in metrics.requirements()}
    for file in files.values():
        Path(file).touch()
    given = [word for flag, file in files.items() for word in (f"--{flag}", file)]
    needy = [name for name in metrics.available() if metrics.find_metric(name).requires]
    opt = vars(TrainOptions().parse(argv("--model", "template", "--val_phase", "test",
                                         "--val_metrics", *needy, *given)))
    assert {flag: str(opt[flag]) for flag in files} == files


def test_a_model_without_the_compared_visuals_is_refused(
    argv: Argv, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.template_model import TemplateModel

    compared = (Comparison.paired("real_A", "made_B", "real_B"),)
    monkeypatch.setattr(TemplateModel, "comparisons", staticmethod(lambda opt: compared))
    with pytest.raises(ValueError, match=r"compares made_B, but its.*write a method `comparisons`"):
        train(argv("--model", "template", *VALIDATION))


def test_labels_of_each_kind_of_comparison() -> None:
    paired = Comparison.paired("real_A", "fake_B", "real_B")
    assert paired.pair == paired.sets == ("fake_B", "real_B")
    cycle = Comparison.cycle("real_A", "fake_B", back="rec_A", domain="real_B")
    assert cycle.pair == ("rec_A", "real_A")
    assert cycle.sets == ("fake_B", "real_B")
    unpaired = Comparison.unpaired("real_A", "fake_B", "real_B")
    assert unpaired.pair is None
    assert unpaired.sets == ("fake_B", "real_B")


# ---- the best ----------------------------------------------------------------------------------


def fake_values(monkeypatch: pytest.MonkeyPatch, *values: float) -> None:
    """Replace the values of val_l1, one for each validation."""
    remaining = list(values)

    def scores(*_: object) -> dict[str, float]:
        return {"l1": remaining.pop(0)}

    monkeypatch.setattr("training.validation.validation.Validation._scores", scores)


def test_the_best_weights_are_saved_and_can_be_used(
    argv: Argv, test_argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_values(monkeypatch, 3, 1, 2)
    train(argv("--model", "pix2pix", "--n_epochs", "3", "--save_epoch_freq", "1", "--ema", "0.5",
               "--lr", "0.01", *VALIDATION))
    folder = tmp_path / "runs" / "t"
    record = json.loads((folder / "best.json").read_text())
    assert record == {"epoch": 2, "images": 10, "metric": "l1", "value": 1, "values": {"val_l1": 1}}
    for name in ("G", "D", "G_ema"):
        best, second, third = (checkpoint.load(folder / f"{label}_net_{name}.pth")
                               for label in ("best", "2", "3"))
        assert all(torch.equal(best[key], second[key]) for key in best)
        assert not all(torch.equal(best[key], third[key]) for key in best)
    best_page, second_page, last_page = (
        translate(test_argv("--epoch", epoch)) for epoch in ("best", "2", "latest")
    )
    assert bytes_of(best_page) == bytes_of(second_page) != bytes_of(last_page)
    assert Translator.load(folder, epoch="best", device="cpu").file.path.name == "best_net_G.pth"
    train(argv("--model", "pix2pix", "--init_from", str(folder / "best"), "--name", "next",
               "--no_html"))


def test_early_stop_ends_the_run_and_names_the_flags_to_continue(
    argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake_values(monkeypatch, 3, 1, 2, 1)
    flags = argv("--model", "template", "--n_epochs", "9", *VALIDATION)
    with caplog.at_level(logging.INFO):
        train([*flags, "--early_stop", "2"])
    assert caplog.messages[-1].startswith(
        "stopped at the end of epoch 4 and saved: no improvement in the last 2 validations; the "
        "best is val_l1 1 in epoch 2 (after 10 images), saved as best; to continue, use "
        "--continue_train with a larger --early_stop"
    )
    state = load_state(tmp_path / "runs" / "t")
    assert (state[".clock.epoch"], state[".best.waited"]) == (4, 2)
    before = {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*.*")}
    with caplog.at_level(logging.INFO):
        train([*flags, "--continue_train"])
    assert caplog.messages[-1].startswith("nothing left to train: --early_stop 2 has ended")
    assert {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*.*")} == before
    fake_values(monkeypatch, 2, 0)
    train([*flags, "--continue_train", "--early_stop", "4", "--n_epochs", "6"])
    assert json.loads((tmp_path / "runs" / "t" / "best.json").read_text())["epoch"] == 6


def test_plateau_can_use_a_validation_value(
    argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The value is constant, so the rate falls in epoch 8, as for a loss."""
    fake_values(monkeypatch, *[1.0] * 8)
    train(argv("--model", "template", "--n_epochs", "8", "--lr_policy", "plateau", "--lr_metric",
               "val_l1", *VALIDATION))
    rates = [float(row["lr"]) for row in read_losses(tmp_path / "runs" / "t")]
    assert rates == pytest.approx([2e-4] * 7 + [4e-5])


# ---- resume ------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", TRAINABLE)
def test_a_resumed_run_validates_like_a_straight_run(
    model: str, argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is stopped between two validations, in the middle of epoch 2."""
    flags = argv("--model", model, "--n_epochs", "3", "--val_freq", "4", "--ema", "0.9", "--lr",
                 "0.002", "--norm", "batch", "--lr_policy", "plateau", "--pool_size", "2",
                 "--lr_metric", default_metrics(model, argv)[0], *VALIDATION)
    train([*flags, "--name", "straight"])
    original = Clock.advance

    def advance(clock: Clock, images: int) -> None:
        original(clock, images)
        if clock.images == 7:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Clock, "advance", advance)
        train([*flags, "--name", "stopped"])
    train([*flags, "--name", "stopped", "--continue_train", "--num_threads", "2"])
    straight, stopped = (tmp_path / "runs" / name for name in ("straight", "stopped"))
    assert differences(load_state(straight), load_state(stopped)) == []
    assert logged(straight) == logged(stopped)
    assert (straight / "best.json").read_text() == (stopped / "best.json").read_text()
    for path in straight.glob("best_net_*.pth"):
        ours, theirs = checkpoint.load(path), checkpoint.load(stopped / path.name)
        assert differences(ours, theirs) == []


def test_validation_may_start_in_a_resumed_run(argv: Argv, tmp_path: Path) -> None:
    flags = argv("--model", "template", "--no_html")
    train(flags)
    train([*flags, "--continue_train", "--n_epochs", "2", "--val_phase", "val", "--ema", "0.9"])
    state = load_state(tmp_path / "runs" / "t")
    assert (state[".best.validations"], state[".model.averages.steps"]) == (1, 5)
