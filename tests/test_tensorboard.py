"""TensorBoard files, read as the TensorBoard program reads them."""

import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Argv
from imagined_run import losses, pictures, progress

from display.sinks.tensorboard_sink import TensorboardFiles
from test import test as translate
from train import train


def read(folder: Path) -> Any:
    module = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="tensorboard is not installed",
    )
    events = module.EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    return events


def writer_class() -> Any:
    reason = "tensorboard is not installed"
    return pytest.importorskip("torch.utils.tensorboard", reason=reason).SummaryWriter


def steps(events: Any, name: str) -> list[int]:
    return [event.step for event in events.Scalars(name)]


def test_files_hold_losses_learning_rate_and_images_over_images_seen(tmp_path: Path) -> None:
    sink = TensorboardFiles(writer_class(), tmp_path / "tensorboard")
    sink.start_epoch(progress(1))
    sink.losses(losses(100))
    sink.losses(losses(200, G_GAN=0.5, G_L1=10.0))
    sink.pictures(pictures(200))
    sink.close()
    events = read(tmp_path / "tensorboard")
    assert events.Tags()["scalars"] == ["losses/G_GAN", "losses/G_L1", "learning_rate"]
    found = [(event.step, event.value) for event in events.Scalars("losses/G_L1")]
    assert found == [(100, pytest.approx(20.1)), (200, 10.0)]
    assert events.Scalars("learning_rate")[0].value == pytest.approx(2e-4)
    assert events.Tags()["images"] == ["pictures/real_A", "pictures/fake_B"]
    (image,) = events.Images("pictures/fake_B")
    assert (image.step, image.width, image.height) == (200, 8, 8)


def test_values_of_validations_have_their_own_names(tmp_path: Path) -> None:
    sink = TensorboardFiles(writer_class(), tmp_path)
    sink.start_epoch(progress(1))
    sink.losses(losses(100))
    sink.losses(replace(losses(200), validation={"val_l1": 0.5}))
    sink.close()
    found = read(tmp_path).Scalars("validation/val_l1")
    assert [(event.step, event.value) for event in found] == [(200, 0.5)]


def test_steps_that_a_resumed_run_repeats_are_replaced(tmp_path: Path) -> None:
    for first, reports in [(0, (100, 200, 300)), (200, (250, 400))]:
        sink = TensorboardFiles(writer_class(), tmp_path)
        sink.start_epoch(progress(first) if first else progress(1))
        for images in reports:
            sink.losses(losses(images))
        sink.close()
    assert steps(read(tmp_path), "losses/G_L1") == [100, 200, 250, 400]


def test_missing_package_is_logged_in_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert TensorboardFiles.open(tmp_path, Namespace(use_tensorboard=True)) is None
    assert len(caplog.records) == 1
    assert "pip install tensorboard" in caplog.text


def test_training_and_test_write_the_files_if_asked(
    argv: Argv, test_argv: Argv, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    train(argv("--model", "pix2pix", "--print_freq", "1", "--use_tensorboard"))
    events = read(tmp_path / "runs" / "t" / "tensorboard")
    assert steps(events, "losses/G_L1") == [1, 2, 3]
    assert "pictures/fake_B" in events.Tags()["images"]
    page = translate(test_argv("--use_tensorboard"))
    events = read(page.parent / "tensorboard")
    assert [event.step for event in events.Images("pictures/fake_B")] == [1, 2, 3]
