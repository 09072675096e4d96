"""Tensors become 8-bit images and files, with exact values."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from display.images import captioned_grid, save_picture, to_picture, to_pictures

LEVELS = torch.arange(256, dtype=torch.float32)


def row(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, -1)


@pytest.mark.parametrize("scaled", [LEVELS / 127.5 - 1, (LEVELS / 255 - 0.5) / 0.5])
def test_every_grey_level_is_restored(scaled: torch.Tensor) -> None:
    picture = to_picture(scaled.view(1, 16, 16).expand(3, 16, 16))
    assert np.array_equal(picture[..., 1].ravel(), np.arange(256))


def test_values_are_rounded_to_the_nearest_level_not_truncated() -> None:
    between = (torch.arange(255) + torch.tensor(0.49)) / 127.5 - 1
    above = (torch.arange(255) + torch.tensor(0.51)) / 127.5 - 1
    assert np.array_equal(to_picture(between.view(1, 1, -1))[0, :, 0], np.arange(255))
    assert np.array_equal(to_picture(above.view(1, 1, -1))[0, :, 0], np.arange(1, 256))


def test_values_out_of_range_are_clamped_and_nan_is_black() -> None:
    infinity = float("inf")
    picture = to_picture(row(-3, -1.01, 1.2, 50, -infinity, infinity, float("nan")))
    assert picture[0, :, 0].tolist() == [0, 0, 255, 255, 0, 255, 0]


def test_channels_keep_their_order_and_one_channel_is_repeated() -> None:
    colours = torch.tensor([-1.0, 0.2, 1.0]).view(3, 1, 1).expand(3, 2, 5)
    assert to_picture(colours).shape == (2, 5, 3)
    assert to_picture(colours)[1, 4].tolist() == [0, 153, 255]
    assert to_picture(row(0.2)).tolist() == [[[153, 153, 153]]]


def test_half_precision_and_gradients_are_accepted() -> None:
    image = torch.full((1, 1, 1), 1.0, dtype=torch.bfloat16, requires_grad=True)
    assert to_picture(image).tolist() == [[[255, 255, 255]]]


def test_other_numbers_of_channels_are_shown_as_grey() -> None:
    image = torch.stack([torch.full((2, 2), -1.0), torch.full((2, 2), 0.6)])
    assert to_picture(image).tolist() == [[[102] * 3] * 2] * 2  # (-0.2 + 1) * 127.5


@pytest.mark.parametrize("shape", [(4, 4), (1, 3, 4, 4)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"needs shape \[C, H, W\], got \["):
        to_picture(torch.zeros(shape))


def test_a_batch_is_converted_image_by_image() -> None:
    images = torch.rand(3, 2, 4, 5) * 2 - 1
    for picture, image in zip(to_pictures(images), images, strict=True):
        assert picture.shape == (4, 5, 3) and np.array_equal(picture, to_picture(image))
    with pytest.raises(ValueError, match=r"need shape \[N, C, H, W\], got \[2, 4, 5\]"):
        to_pictures(images[0])


@pytest.mark.parametrize(
    ("ratio", "width", "height"),
    [(1.0, 100, 40), (2.0, 200, 40), (0.5, 100, 80), (1.5, 150, 40), (0.8, 100, 50)],
)
def test_aspect_ratio_multiplies_width_by_height(
    tmp_path: Path, ratio: float, width: int, height: int
) -> None:
    flat = np.zeros((40, 100, 3), np.uint8)
    assert save_picture(flat, tmp_path / "x.png", aspect_ratio=ratio) == (width, height)
    with Image.open(tmp_path / "x.png") as image:
        assert image.size == (width, height)


@pytest.mark.parametrize("ratio", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_aspect_ratio_is_refused(tmp_path: Path, ratio: float) -> None:
    with pytest.raises(ValueError, match="aspect_ratio must be a number > 0"):
        save_picture(np.zeros((4, 4, 3), np.uint8), tmp_path / "x.png", aspect_ratio=ratio)


def test_saved_pixels_are_exact_and_no_other_file_is_left(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    path = tmp_path / "a #1 ü.png"
    save_picture(np.zeros_like(picture), path)
    save_picture(picture, path)
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), picture)
    assert list(tmp_path.iterdir()) == [path]


def test_failed_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.png"
    save_picture(np.zeros((4, 4, 3), np.uint8), path)
    before = path.read_bytes()

    def full_disk(target: Path, content: bytes) -> None:
        target.touch()
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_picture(np.full((4, 4, 3), 9, np.uint8), path)
    assert path.read_bytes() == before


def test_label_wider_than_its_image_does_not_overlap_the_next() -> None:
    tile = np.full((8, 8, 3), 255, np.uint8)
    label = "a label of many words"
    lone, pair = (captioned_grid(dict.fromkeys(labels, tile), columns=2)
                  for labels in ([label], [label, ""]))
    assert np.array_equal(pair[:, : lone.shape[1]], lone)
    assert lone[:, -4:].min() == 255, "the text must not be cut off"
    assert lone.min() < 128


def test_captioned_grid_places_every_image_and_writes_its_label() -> None:
    shades = {label: np.full((20, 30, 3), 50 * k, np.uint8) for k, label in enumerate("abc", 1)}
    sheet = captioned_grid(shades, columns=2)
    wide, tall = 30 + 4, 20 + 16 + 4
    assert sheet.shape == (2 * tall + 4, 2 * wide + 4, 3)
    corners = {"a": (4, 4), "b": (4, 4 + wide), "c": (4 + tall, 4)}
    for label, (top, left) in corners.items():
        assert np.array_equal(sheet[top : top + 20, left : left + 30], shades[label])
        assert sheet[top + 20 : top + 36, left : left + 30].min() < 128, f"no label under {label}"
