"""A training decodes a few images before it builds its networks."""

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_sets import make_opt, write_noise, write_pairs

from data import find_dataset
from data.checking import sample_check
from data.checking.sample_check import MOST_FILES
from data.files.pillow_files import PictureError


def messages(
    caplog: pytest.LogCaptureFixture, root: Path, mode: str, **changes: object
) -> list[str]:
    caplog.set_level(logging.INFO)
    opt = make_opt(root, dataset_mode=mode, **changes)
    find_dataset(mode)(opt)
    return [line for line in caplog.messages if "checked" in line or "mixed:" in line]


def test_pairs_are_described_in_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_pairs(tmp_path / "train", 3)
    assert messages(caplog, tmp_path, "aligned") == [
        "checked 3 of 3 pairs: A 12x12 rgb uint8, B 12x12 rgb uint8"
    ]


def test_a_large_set_is_checked_from_its_first_to_its_last_image(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_noise(tmp_path, *(f"{number:02}.png" for number in range(30)))
    write_noise(tmp_path, "29.png", width=50)
    assert messages(caplog, tmp_path, "single") == [
        f"checked {MOST_FILES} of 30 images: A 24x20 to 50x20 rgb uint8"
    ]


def test_fewer_large_images_are_in_memory_together(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_check, "MOST_PIXELS", 5 * 24 * 20)
    write_noise(tmp_path, *(f"{number}.png" for number in range(8)))
    assert messages(caplog, tmp_path, "single") == ["checked 4 of 8 images: A 24x20 rgb uint8"]


def test_mixed_kinds_are_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_noise(tmp_path / "trainA", "1.png", "2.png")
    write_noise(tmp_path / "trainB", "x.png")
    Image.new("L", (24, 20)).save(tmp_path / "trainA" / "3.png")
    lines = messages(caplog, tmp_path, "unaligned")
    assert lines[0].startswith("A is mixed: 2 rgb uint8, 1 gray uint8;")
    assert lines[2] == "checked 1 of 1 images: B 24x20 rgb uint8"


def test_floating_point_without_a_range_is_refused_before_the_networks(tmp_path: Path) -> None:
    write_noise(tmp_path / "trainA", "1.png")
    (tmp_path / "trainB").mkdir()
    np.save(tmp_path / "trainB" / "1.npy", np.zeros((20, 24), np.float32))
    with pytest.raises(PictureError, match="--value_range_B LO,HI"):
        find_dataset("aligned")(make_opt(tmp_path))
    find_dataset("aligned")(make_opt(tmp_path, value_range_B=(0.0, 1.0)))


def test_grey_sets_are_advised_to_use_one_channel(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_noise(tmp_path / "trainA", "1.png")
    (tmp_path / "trainB").mkdir()
    Image.new("L", (24, 20)).save(tmp_path / "trainB" / "1.png")
    messages(caplog, tmp_path, "aligned", direction="BtoA")
    advice, = (line for line in caplog.messages if "channel" in line)
    assert advice.startswith("B holds grey images") and "; --input_nc 1 trains" in advice
    caplog.clear()
    messages(caplog, tmp_path, "aligned", direction="BtoA", input_nc=1)
    assert "channel" not in caplog.text


def test_a_test_reads_no_image_in_advance(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_pairs(tmp_path / "train", 1)
    assert messages(caplog, tmp_path, "aligned", isTrain=False) == []
