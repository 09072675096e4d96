"""Applying one draw of the augmentation: geometry, colours, the cut-out square."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from data.augment import AppliedAugmentation, affine, warp
from data.files.raster import Pixels

ramp = np.add.outer(np.arange(40.0) * 3, np.arange(48.0) * 2)[:, :, None]


def test_images_that_are_not_square_keep_their_shape() -> None:
    wide = np.arange(6).reshape(2, 3, 1)
    augments = [AppliedAugmentation(quarter_turns=turns) for turns in range(4)]
    shown = [augment.turn(wide)[:, :, 0].tolist() for augment in augments]
    turned = [[5, 4, 3], [2, 1, 0]]
    assert shown == [wide[:, :, 0].tolist()] * 2 + [turned] * 2


def moved(
    pixels: Pixels,
    *,
    degrees: float = 0,
    zoom: float = 1,
    shift: tuple[float, float] = (0, 0),
    nearest: bool = False,
) -> Pixels:
    size = (pixels.shape[1], pixels.shape[0])
    matrix = affine(size, radians=math.radians(degrees), zoom=zoom, shift=shift)
    return warp(pixels, matrix, (0, 0, *size), nearest=nearest)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("nearest", [False, True])
def test_all_dtypes_and_channels_are_warped(dtype: str, channels: int, nearest: bool) -> None:
    bits = np.random.default_rng(0).integers(0, 256, (9, 9, channels))
    low = -32768 if dtype == "int16" else 0
    pixels = (bits * (257 if "16" in dtype else 1) + low).astype(dtype)
    same = moved(pixels, nearest=nearest)
    assert (same.dtype, same.shape) == (pixels.dtype, pixels.shape)
    assert np.abs(same.astype(float) - pixels).max() <= (0.01 if dtype == "float32" else 1)
    turned = moved(pixels, degrees=90, nearest=nearest)
    assert np.abs(turned.astype(float) - np.rot90(pixels, -1)).max() <= 1


def test_shift_zoom_and_crop_move_pixels_to_the_right_place() -> None:
    right = moved(ramp, shift=(0.25, 0))
    assert np.allclose(right[:, 14:], ramp[:, 2:36], atol=1e-3)
    down = moved(ramp, shift=(0, 0.25))
    assert np.allclose(down[12:], ramp[2:30], atol=1e-3)
    twice = moved(ramp, zoom=2)
    assert np.allclose(np.diff(twice[20, :, 0]), 1, atol=0.2)  # 2 a pixel before
    assert np.allclose(twice.mean(), ramp.mean(), atol=1e-3)
    matrix = affine((48, 40), radians=0.2, zoom=1.1, shift=(0, 0))
    whole = warp(ramp, matrix, (0, 0, 48, 40), nearest=False)
    window = warp(ramp, matrix, (5, 7, 30, 28), nearest=False)
    assert np.array_equal(window, whole[7:28, 5:30])


def test_borders_are_mirrored_not_black() -> None:
    stripes = np.repeat(np.arange(10, 18, dtype=np.float32)[None, :, None], 8, axis=0)
    shown = moved(stripes, shift=(0.5, 0), nearest=True)
    assert shown[0, :, 0].tolist() == [13, 12, 11, 10, 10, 11, 12, 13]
    assert moved(np.full((8, 8, 1), 200, np.uint8), degrees=45, zoom=0.3).min() == 200


def test_bicubic_does_not_wrap_around() -> None:
    edge = np.zeros((16, 16, 1), np.uint16)
    edge[:, 8:] = 65535
    wide = moved(edge, zoom=3)
    assert (wide[:, :3] == 0).all() and (wide[:, -3:] == 65535).all()


def test_cutout_hides_one_square_under_the_middle_of_the_range() -> None:
    light = torch.ones(2, 8, 10)
    hidden = AppliedAugmentation(cutout=4, centre=(0.5, 0.5)).cut_out(light)
    assert (hidden[:, 2:6, 3:7] == 0).all()
    assert hidden.sum() == 2 * (80 - 16)
    assert (light == 1).all()
    corner = AppliedAugmentation(cutout=4, centre=(0.0, 0.99)).cut_out(light)
    assert corner.sum() == 2 * (80 - 2 * 3)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_brightness_and_contrast_of_any_number_of_channels(channels: int) -> None:
    picture = torch.linspace(-0.5, 0.5, channels * 12).view(channels, 3, 4)
    dark = AppliedAugmentation(brightness=0.5).jitter(picture)
    assert torch.allclose((dark + 1) / 2, (picture + 1) / 4, atol=1e-6)
    flat = AppliedAugmentation(contrast=0.5).jitter(picture)
    assert torch.allclose(flat.std(dim=(1, 2)), picture.std(dim=(1, 2)) / 2, atol=1e-6)
    assert AppliedAugmentation(brightness=1.9).jitter(picture).max() == 1


def test_saturation_and_hue() -> None:
    red = torch.tensor([0.8, -0.6, -0.6]).view(3, 1, 1).expand(3, 2, 2)
    grey = AppliedAugmentation(saturation=0.0).jitter(red)
    assert all(torch.allclose(left, right) for left, right in pairwise(grey))
    green = AppliedAugmentation(hue=1 / 3).jitter(red)
    assert torch.allclose(green, red[[1, 0, 2]], atol=1e-5)


