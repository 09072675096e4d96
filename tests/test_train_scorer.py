"""scripts/train_scorer.py: its pairs, their size, the augmentation, and the report."""

import logging
import re
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from PIL import Image
from scenes import write_scenes

from data.files.source import Source
from metrics.palette import NoPaletteError
from metrics.segmenter import training as segmenter_training
from metrics.segmenter.network import Segmenter
from metrics.segmenter.scorer import load_scorer
from metrics.segmenter.training import LabelledPhoto, LabelledTensors, fit
from scripts import train_scorer
from util.interrupts import Interrupted

TINY = ["--gpu_ids", "-1", "--size", "64", "--width", "4", "--batch_size", "4"]


@pytest.fixture(scope="module")
def dataroot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scenes")
    write_scenes(root, test=12)
    return root


def test_photos_are_refused_as_labels(dataroot: Path, tmp_path: Path) -> None:
    argv = ["--dataroot", str(dataroot), "--labels", "A", "--out", str(tmp_path / "x.pth")]
    with pytest.raises(NoPaletteError, match=r"side A .* give --labels B, or name their colours"):
        train_scorer.main(argv)


@pytest.mark.parametrize(("sides", "half", "size"), [
    ([(300, 280)], "", 256), ([(70, 90)], "", 64), ([(20, 40)], "", 64), ([(255, 400)], "", 224),
    ([(64, 64), (97, 130), (250, 250)], "", 96), ([(512, 256), (512, 256)], "left", 256),
    ([(256, 200)], "right", 128),
])
def test_photos_keep_their_size_if_it_can_be_halved(
    tmp_path: Path, sides: list[tuple[int, int]], half: Literal["", "left", "right"], size: int
) -> None:
    pairs = []
    for number, side in enumerate(sides):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", side).save(path)
        pairs.append(LabelledPhoto(Source((path,), half), Source((path,), half)))
    assert train_scorer.usual_size(pairs) == size


def test_a_side_that_cannot_be_halved_is_refused(
    dataroot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        train_scorer.main(["--dataroot", str(dataroot), "--size", "100"])
    assert re.search(r"--size 100 is not a multiple of 32.* give 96", capsys.readouterr().err)


def test_training_photos_are_not_reported_as_new(
    dataroot: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    argv = ["--dataroot", str(dataroot), "--test_phase", "train", "--epochs", "1", *TINY]
    with caplog.at_level(logging.INFO):
        train_scorer.main([*argv, "--out", str(tmp_path / "x.pth")])
    assert "not measured on new photos: all" in caplog.text
    assert "noise instead of photos" not in caplog.text


def test_a_given_palette_and_the_scores_of_noise(
    dataroot: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "colours.txt").write_text("0 0 220 wall\n250 80 0 door\n0 255 0 tree\n")
    argv = ["--dataroot", str(dataroot), "--palette", str(tmp_path / "colours.txt"),
            "--out", str(tmp_path / "x.pth"), "--epochs", "1", *TINY]
    with caplog.at_level(logging.INFO):
        train_scorer.main(argv)
    assert load_scorer(tmp_path / "x.pth").palette.names == ("wall", "door", "tree")
    assert "noise instead of photos: per-pixel accuracy" in caplog.text
    assert "has not learned to label noise as nothing" in caplog.text  # after one epoch
    assert "  door " in caplog.text and "  tree " not in caplog.text  # the maps have no tree


def test_ctrl_c_keeps_the_segmenter_and_an_earlier_file(
    dataroot: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, advance = tmp_path / "x.pth", train_scorer.Status.advance
    out.write_bytes(b"earlier")

    def interrupted(status: train_scorer.Status, epoch: int, *step: Any) -> None:
        advance(status, epoch, *step)
        if epoch == 2:
            raise Interrupted(2)

    monkeypatch.setattr(train_scorer.Status, "advance", interrupted)
    argv = ["--dataroot", str(dataroot), "--epochs", "9", *TINY, "--out", str(out)]
    with caplog.at_level(logging.INFO), pytest.raises(Interrupted, match="in epoch 2 of 9:"):
        train_scorer.main(argv)
    assert re.search(r"epoch 1/9, image 4/\d+: the first step .*, run \S+ left; cro", caplog.text)
    assert load_scorer(tmp_path / "x_interrupted.pth").facts["epochs"] == 1
    assert out.read_bytes() == b"earlier"


def test_photo_and_labels_are_shifted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """The label of every pixel is its place; brightness stays, so that it can be read again."""
    monkeypatch.setattr(segmenter_training, "LIGHT", 0.0)
    monkeypatch.setattr(segmenter_training, "NOISY", 0.0)
    size, most = 64, 4  # a sixteenth
    down, right = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    photo = torch.stack([down, right, down]).to(torch.uint8)
    examples = LabelledTensors(photo[None], (down * size + right).to(torch.int16)[None])
    torch.manual_seed(0)
    photos, labels = segmenter_training._augmented(examples, [0] * 40, nothing=-1)
    levels = ((photos + 1) * 127.5).round().long()
    assert torch.equal(levels[:, 0] * size + levels[:, 1], labels)
    first, last = levels[:, 0, 0, 0], levels[:, 0, -1, 0]  # rows of the original at the borders
    assert first.max() == most and set(first.tolist()) == set(range(most + 1))
    assert last.min() == size - 1 - most
    assert (levels[:, 0].diff(dim=1).abs() == 1).all(), "consecutive rows, reflected at the border"
    mirrored = levels[:, 1, 0, 32] > levels[:, 1, 0, 33]
    assert 5 < mirrored.sum() < 35


def test_noise_is_labelled_as_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenter_training, "NOISY", 1.0)
    examples = LabelledTensors(torch.full((1, 3, 64, 64), 200, dtype=torch.uint8),
                               torch.zeros(1, 64, 64, dtype=torch.int16))
    photos, labels = segmenter_training._augmented(examples, [0] * 20, nothing=7)
    for photo, label_map in zip(photos, labels, strict=True):
        assert photo[:, label_map == 7].std() > 0.1
        if (label_map == 0).any():
            assert photo[:, label_map == 0].std() < 1e-6
    assert set(labels.unique().tolist()) == {0, 7}


def test_one_small_photo_is_refused() -> None:
    examples = LabelledTensors(torch.zeros(1, 3, 32, 32, dtype=torch.uint8),
                               torch.zeros(1, 32, 32, dtype=torch.int16))
    with pytest.raises(ValueError, match=r"one photo of 32 pixels .* give --size 64"):
        fit(Segmenter(3, width=2), examples, epochs=1, batch_size=8, rate=1e-3)
