"""PNG files of every kind of 8-bit picture, with imagecodecs and without."""

import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.image_io import read_image, write_image
from util.png import encode_png

KINDS = {(9, 7): "L", (9, 7, 1): "L", (9, 7, 2): "LA", (9, 7, 3): "RGB", (9, 7, 4): "RGBA"}


@pytest.fixture(params=["imagecodecs", "Pillow"])
def _packer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "Pillow":
        monkeypatch.setitem(sys.modules, "imagecodecs", None)  # import fails


@pytest.mark.usefixtures("_packer")
@pytest.mark.parametrize(("shape", "mode"), KINDS.items())
def test_pillow_reads_back_what_was_written(shape: tuple[int, ...], mode: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    with Image.open(BytesIO(encode_png(pixels))) as image:
        assert image.format == "PNG" and image.mode == mode
        assert np.array_equal(np.asarray(image), pixels.reshape(np.asarray(image).shape))


@pytest.mark.usefixtures("_packer")
def test_a_view_with_its_rows_upside_down_is_written_as_it_looks() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)[::-1]
    assert np.array_equal(np.asarray(Image.open(BytesIO(encode_png(pixels)))), pixels)


@pytest.mark.usefixtures("_packer")
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_result_comes_back_from_its_file(tmp_path: Path, channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 6, channels), np.uint8)
    write_image(pixels, tmp_path / "x.png")
    assert np.array_equal(read_image(tmp_path / "x.png").pixels, pixels)
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]


def test_a_smooth_picture_is_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The filters of the two differ, but neither writes the pixels as they are."""
    row = np.arange(256, dtype=np.uint8)
    pixels = np.broadcast_to(row[:, None, None], (256, 256, 3))
    sizes = [len(encode_png(pixels))]
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    sizes.append(len(encode_png(pixels)))
    assert max(sizes) < pixels.size / 20
