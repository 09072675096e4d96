"""train.py on a GPU: workers that pin memory, validation, saves in the background, resuming."""

import csv
import logging
from pathlib import Path

import pytest
import torch
from conftest import Argv

from train import train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU: "
                                "run make test-gpu on a machine that has one")
REAL = ("--gpu_ids", "0", "--num_threads", "2", "--model", "pix2pix", "--norm", "instance",
        "--netG", "unet_128", "--ngf", "4", "--load_size", "143", "--crop_size", "128",
        "--save_latest_freq", "2", "--print_freq", "1", "--display_freq", "2", "--val_freq", "3",
        "--val_phase", "test", "--precision", "fp32", "--channels_last", "off")


def losses(run: Path) -> list[list[float]]:
    rows = csv.DictReader((run / "losses.csv").read_text().splitlines())
    names = ("images", "G_GAN", "G_L1", "D_real", "D_fake")
    return [[float(row[name]) for name in names] for row in rows if row["G_L1"]]


def compare(first: Path, second: Path) -> None:
    rows = losses(first), losses(second)
    assert len(rows[0]) == len(rows[1]) > 8
    for one, other in zip(*rows, strict=True):
        assert one == pytest.approx(other, rel=2e-3, abs=2e-3)


@pytest.mark.parametrize("dropout", ["--no_dropout", "--dropout"])
def test_a_recorded_run_equals_an_eager_one(
    dropout: str, argv: Argv, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The masks of dropout differ between the two runs; both must train."""
    with caplog.at_level(logging.INFO):
        for name, graph in (("eager", "off"), ("recorded", "on")):
            train(argv(*REAL, dropout, "--name", name, "--cuda_graph", graph, "--n_epochs", "4",
                       page=True))
    assert not [line for line in caplog.messages if "capture failed" in line]
    if dropout == "--no_dropout":
        compare(tmp_path / "runs" / "eager", tmp_path / "runs" / "recorded")
    assert (tmp_path / "runs" / "recorded" / "latest_state.pth").exists()


@pytest.mark.parametrize(("first", "second"), [("on", "off"), ("off", "on")])
def test_a_run_resumes_as_the_other_kind(
    first: str, second: str, argv: Argv, tmp_path: Path
) -> None:
    words = (*REAL, "--no_dropout")
    train(argv(*words, "--name", "whole", "--cuda_graph", "off", "--n_epochs", "4"))
    train(argv(*words, "--name", "halves", "--cuda_graph", first, "--n_epochs", "2"))
    train(argv(*words, "--name", "halves", "--cuda_graph", second, "--n_epochs", "4",
               "--continue_train"))
    compare(tmp_path / "runs" / "whole", tmp_path / "runs" / "halves")


def test_the_default_is_recorded(argv: Argv, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        train(argv(*REAL[:-4], "--n_epochs", "3"))
    [line] = [line for line in caplog.messages if line.startswith("chosen for unet_128")]
    assert "--precision tf32 --cuda_graph on" in line
    assert not [line for line in caplog.messages if "capture failed" in line]
