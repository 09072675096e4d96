"""A loss that is not finite stops the run, or its batch is skipped."""

from pathlib import Path

import pytest
import torch
from conftest import Argv
from PIL import Image
from runs import load_state, read_losses

from data.base_dataset import Batch
from models.base_model import BaseModel
from train import train
from util import checkpoint


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> str:
    """Set the input to NaN if the image 1.png is in the batch."""
    original = BaseModel.take

    def take(model: BaseModel, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        source, target = original(model, batch)
        bad = any(Path(path).name == "1.png" for path in model.image_paths)
        return (source * torch.nan if bad else source), target

    monkeypatch.setattr(BaseModel, "take", take)
    return "1.png"


def test_the_first_bad_loss_stops_the_run_and_names_the_images(
    poisoned: str, argv: Argv, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"G_L1.* in epoch 1, after \d images.*1\.png") as error:
        train(argv("--model", "pix2pix", "--n_epochs", "3", "--save_latest_freq", "1"))
    assert "--on_nan skip" in str(error.value)
    weights = checkpoint.load(tmp_path / "runs" / "t" / "latest_state.pth")["model"]["networks"]
    assert all(value.isfinite().all() for net in weights.values() for value in net.values())


def test_an_overflow_is_found(argv: Argv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.template_model.weight", float)  # without its limit
    with pytest.raises(ValueError, match=r"G is not finite \(NaN or infinity\)"):
        train(argv("--model", "template", "--lambda_regression", "1e39"))


@pytest.mark.parametrize("model", ["pix2pix", "cycle_gan"])
def test_skipping_keeps_everything_finite(
    model: str, poisoned: str, argv: Argv, tmp_path: Path
) -> None:
    flags = ["--model", model, "--n_epochs", "3", "--on_nan", "skip", "--pool_size", "2",
             "--norm", "batch", "--lr_policy", "plateau", "--serial_batches"]
    train(argv(*flags))
    state = load_state(tmp_path / "runs" / "t")
    tensors = [value for value in state.values() if isinstance(value, torch.Tensor)]
    assert all(value.float().isfinite().all() for value in tensors)
    assert len(read_losses(tmp_path / "runs" / "t")) == 3


def test_skipping_has_a_limit(poisoned: str, argv: Argv) -> None:
    with pytest.raises(ValueError, match="2 batches were skipped before, the maximum of"):
        train(argv("--model", "template", "--n_epochs", "5", "--on_nan", "skip",
                   "--nan_limit", "2"))


@pytest.mark.parametrize("model", ["pix2pix", "cycle_gan", "colorization"])
def test_blank_images_with_instance_norm_stay_finite(
    model: str, argv: Argv, dataroot: Path, tmp_path: Path
) -> None:
    for folder in ("train", "trainA", "trainB"):
        for path in (dataroot / folder).iterdir():
            with Image.open(path) as image:
                size = image.size
            Image.new("RGB", size, "white").save(path)
    train(argv("--model", model, "--norm", "instance", "--n_epochs", "3"))
    rows = read_losses(tmp_path / "runs" / "t")
    assert len(rows) == 3
