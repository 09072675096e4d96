import numpy as np
import pytest
import torch
from tiny_sets import noise

from data.files.value_range import LEVELS
from data.resizing import resize, resize_together
from util.pixel_values import levels_to_float


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("size", [(61, 47), (20, 17)])
def test_torch_is_at_most_a_level_from_pillow(channels: int, size: tuple[int, int]) -> None:
    levels = np.random.default_rng(0).integers(40, 200, (33, 40, channels)).astype(np.uint8)
    fast, exact = resize(levels, size, by="torch"), resize(levels, size)
    assert fast.shape == exact.shape == (size[1], size[0], channels)
    assert np.abs(fast.astype(int) - exact.astype(int)).max() <= 1


def test_deep_images_and_labels_are_always_resized_by_pillow() -> None:
    deep = np.random.default_rng(0).integers(0, 60000, (9, 9, 1)).astype(np.uint16)
    assert np.array_equal(resize(deep, (13, 13), by="torch"), resize(deep, (13, 13)))
    labels = np.asarray(noise(9, 9))
    colours = {tuple(pixel) for pixel in labels.reshape(-1, 3)}
    scaled = resize(labels, (13, 13), nearest=True, by="torch")
    assert {tuple(pixel) for pixel in scaled.reshape(-1, 3)} <= colours


@pytest.mark.parametrize("labels", ["", "A", "B", "AB"])
@pytest.mark.parametrize("by", ["torch", "pillow"])
@pytest.mark.parametrize("width", [40, 41])
def test_resizing_together_equals_resizing_each_image(labels: str, by: str, width: int) -> None:
    A, B = np.asarray(noise(40, 33, 1)), np.asarray(noise(width, 33, 2))
    both = resize_together([A, B], (61, 47), nearest=["A" in labels, "B" in labels], by=by)
    for letter, found, alone in zip("AB", both, (A, B), strict=True):
        assert np.array_equal(found, resize(alone, (61, 47), nearest=letter in labels, by=by))


def test_levels_become_the_same_floats_in_the_worker_and_on_the_device() -> None:
    levels = torch.arange(256, dtype=torch.uint8).view(1, 16, 16)
    floats = levels_to_float(levels)
    assert floats.dtype == torch.float32
    assert torch.equal(floats, levels.float() / 127.5 - 1.0)
    assert torch.equal(floats, LEVELS.to_tensor(levels.permute(1, 2, 0).numpy()))
