from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_sets import noise
from torch.nn.functional import interpolate

from data.augment import Size
from data.files.raster import Pixels
from data.resizing import image_size, resize
from data.transforms import PREPROCESS, Recipe

FILE = Path("x.png")


def recipe(
    preprocess: str, load_size: int = 286, crop_size: int = 256, *, flip: bool = False
) -> Recipe:
    return Recipe(preprocess=preprocess, load_size=load_size, crop_size=crop_size, flip=flip)


def transformed(made_by: Recipe, pixels: Pixels) -> Pixels:
    """Scale and crop one image as a dataset does."""
    size = made_by.new_size(image_size(pixels))
    scaled = pixels if size is None else resize(pixels, size, by=made_by.resizer)
    return made_by.draw(image_size(scaled), Random(0), source=FILE)(scaled)


SQUARE = (256, 256)


@pytest.mark.parametrize(
    ("preprocess", "shapes"),
    [
        ("resize_and_crop", [SQUARE] * 4),
        ("crop", [None] * 4),
        ("scale_width", [(288, 256), (288, 428), (288, 256), (288, 256)]),
        ("scale_width_and_crop", [SQUARE] * 4),
        ("none", [(300, 200), (200, 300), (256, 128), (100, 80)]),
    ],
)
def test_every_mode_has_its_output_shape(preprocess: str, shapes: list[Size | None]) -> None:
    for size, shape in zip([(300, 200), (200, 300), (257, 130), (100, 80)], shapes, strict=True):
        pixels = np.zeros((size[1], size[0], 3), np.uint8)
        if shape is None:
            with pytest.raises(ValueError, match=r"x\.png: .* too small for --crop_size 256"):
                transformed(recipe(preprocess), pixels)
        else:
            assert image_size(transformed(recipe(preprocess), pixels)) == shape


def test_modes_are_the_references() -> None:
    reference = ["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"]
    assert list(PREPROCESS) == reference


@pytest.mark.parametrize(("side", "rounded"), [(130, 128), (134, 136), (2, 4), (1, 4), (6, 8)])
def test_none_rounds_to_multiples_of_4(side: int, rounded: int) -> None:
    pixels = transformed(recipe("none"), np.zeros((8, side, 1), np.uint8))
    assert image_size(pixels) == (rounded, 8)


def test_resize_is_antialiased_bicubic() -> None:
    # Away from black and white: Pillow clips overshoots between its two passes, torch at the end.
    image = noise(50, 37).point(lambda level: 64 + level // 2)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].double()
    reference = interpolate(pixels, (24, 24), mode="bicubic", antialias=True)[0].clamp(0, 255)
    scaled = transformed(recipe("resize_and_crop", 24, 24), np.asarray(image))
    levels = torch.from_numpy(scaled.copy()).permute(2, 0, 1)
    assert (levels - reference).abs().max() <= 1


def test_scale_width_equals_pillow() -> None:
    image = noise(50, 100)
    scaled = transformed(recipe("scale_width", 24, 16), np.asarray(image))
    reference = image.resize((24, 48), Image.Resampling.BICUBIC)
    assert np.array_equal(scaled, np.asarray(reference))


def test_crop_is_a_window_of_the_image_and_reaches_all_corners() -> None:
    image = noise(7, 6)
    pixels = np.asarray(image)
    seen = set()
    for seed in range(100):
        draw = recipe("crop", crop_size=4).draw(image.size, Random(seed), source=FILE)
        assert draw.box is not None
        left, top = draw.box[:2]
        seen.add((left, top))
        assert np.array_equal(draw(np.asarray(image)), pixels[top : top + 4, left : left + 4])
    assert seen == {(left, top) for left in range(4) for top in range(3)}


def test_equal_sizes_give_equal_draws() -> None:
    draws = {
        recipe("resize_and_crop", 8, 8).draw((8, 8), Random(seed), source=FILE)
        for seed in range(9)
    }
    assert len(draws) == 1


def test_flip_mirrors_half_the_images_and_moves_no_crop() -> None:
    image = noise(9, 9)
    flips = 0
    for seed in range(400):
        straight = recipe("crop", crop_size=4).draw((9, 9), Random(seed), source=FILE)
        draw = recipe("crop", crop_size=4, flip=True).draw((9, 9), Random(seed), source=FILE)
        assert draw.box == straight.box
        flips += draw.mirror
        wanted = straight(np.asarray(image))
        assert np.array_equal(draw(np.asarray(image)), wanted[:, ::-1] if draw.mirror else wanted)
    assert 160 < flips < 240  # four standard deviations


@pytest.mark.parametrize("preprocess", ["bogus", "resize", "scale_width_and_crop_x", ""])
def test_unknown_mode_is_refused(preprocess: str) -> None:
    with pytest.raises(ValueError, match="use one of resize_and_crop, crop"):
        recipe(preprocess)


@pytest.mark.parametrize("preprocess", ["resize_and_crop", "scale_width_and_crop"])
def test_crop_larger_than_load_is_refused(preprocess: str) -> None:
    with pytest.raises(ValueError, match="--load_size 9 or more"):
        recipe(preprocess, 8, 9)
    recipe("none", 8, 9)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_every_depth_is_resized_as_8_bits_are(dtype: str, channels: int) -> None:
    levels = np.random.default_rng(0).integers(40, 200, (21, 30, channels)).astype(np.uint8)
    gain = {"uint8": 1, "uint16": 257, "int16": 128, "float32": 0.5}[dtype]
    deep = resize((levels * np.float64(gain)).astype(dtype), (13, 17))
    assert deep.dtype == dtype
    assert deep.shape == (17, 13, channels)
    plain = resize(levels, (13, 17)).astype(np.float64)
    # Pillow rounds between its two passes where it has 8 bits.
    assert np.abs(deep / gain - plain).max() <= (0 if dtype == "uint8" else 1.5)


def test_a_deep_resize_clips_what_overshoots() -> None:
    edge = np.zeros((8, 8, 1), np.uint16)
    edge[:, 4:] = 65535
    wide = resize(edge, (32, 8))
    assert (wide.min(), wide.max()) == (0, 65535)
    assert (wide[:, :8] < 20000).all()
