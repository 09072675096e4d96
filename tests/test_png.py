"""PNG files of every kind of image, with and without imagecodecs."""

import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.files.image_io import read_image, write_image
from util import png
from util.packages import MissingPackageError
from util.png import encode_png

KINDS = {(9, 7): "L", (9, 7, 1): "L", (9, 7, 2): "LA", (9, 7, 3): "RGB", (9, 7, 4): "RGBA"}


@pytest.fixture(params=["imagecodecs", "Pillow"])
def _encoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the encoder of the parameter, and fail if the other one is used."""
    if request.param == "Pillow":
        monkeypatch.setitem(sys.modules, "imagecodecs", None)  # import fails
    else:
        pytest.importorskip("imagecodecs")
        monkeypatch.setattr(png, "_encode_by_pillow", lambda plane: pytest.fail("Pillow wrote it"))


def noise(shape: tuple[int, ...], dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


@pytest.mark.usefixtures("_encoder")
@pytest.mark.parametrize(("shape", "mode"), KINDS.items())
def test_pillow_reads_back_what_was_written(shape: tuple[int, ...], mode: str) -> None:
    pixels = noise(shape)
    with Image.open(BytesIO(encode_png(pixels))) as image:
        assert image.format == "PNG" and image.mode == mode
        assert np.array_equal(np.asarray(image), pixels.reshape(np.asarray(image).shape))


@pytest.mark.usefixtures("_encoder")
def test_a_view_with_its_rows_upside_down_is_written_as_it_looks() -> None:
    pixels = noise((9, 7, 3))[::-1]
    assert np.array_equal(np.asarray(Image.open(BytesIO(encode_png(pixels)))), pixels)


@pytest.mark.usefixtures("_encoder")
@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 1, 9), (3, 9, 1)])
def test_a_tensor_of_one_row_or_column_is_written(shape: tuple[int, ...]) -> None:
    pixels = noise(shape).transpose(1, 2, 0)  # the strides of a tensor [C, H, W]
    assert np.array_equal(np.asarray(Image.open(BytesIO(encode_png(pixels)))), pixels)


@pytest.mark.usefixtures("_encoder")
@pytest.mark.parametrize(("channels", "dtype"), [
    (1, np.uint8), (2, np.uint8), (3, np.uint8), (4, np.uint8), (1, np.uint16),
])
def test_a_result_comes_back_from_its_file(tmp_path: Path, channels: int, dtype: type) -> None:
    pixels = noise((5, 6, channels), dtype)
    write_image(pixels, tmp_path / "x.png")
    assert np.array_equal(read_image(tmp_path / "x.png").pixels, pixels)
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]


def test_colours_of_16_bits_need_imagecodecs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(MissingPackageError, match="pip install imagecodecs"):
        write_image(noise((5, 6, 3), np.uint16), tmp_path / "x.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("_encoder")
def test_the_filter_compresses_a_smooth_image() -> None:
    """No two neighbours are equal, so without a filter the file would be nearly as large."""
    down, right = np.mgrid[:64, :64]
    pixels = (down * 3 + right).astype(np.uint8)
    assert len(encode_png(pixels)) < pixels.nbytes / 5


def test_pillow_writes_sides_that_libpng_refuses() -> None:
    pytest.importorskip("imagecodecs")
    pixels = np.zeros((1, 1_000_001), np.uint8)
    assert Image.open(BytesIO(encode_png(pixels))).size == (1_000_001, 1)
