"""Boxes of TIFF files equal parts of the whole image, in every layout."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from data.files.array_files import as_raster
from data.files.image_io import read_image
from inference.tiles.box import Box
from inference.tiles.readable_tiff import DTYPES
from inference.tiles.tiff_windows import TiffReader, create_tiff

BOXES = (Box(0, 0, 70, 50), Box(10, 5, 66, 45), Box(69, 49, 70, 50), Box(32, 16, 64, 32))


def noise(shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    values = np.random.default_rng(0).random(shape)
    return (values if dtype == "float32" else values * np.iinfo(dtype).max).astype(dtype)


LAYOUTS: dict[str, dict[str, Any]] = {
    "one strip": {},
    "strips": {"rowsperstrip": 9},
    "big-endian": {"byteorder": ">"},
    "big-endian tiles": {"byteorder": ">", "tile": (32, 16)},
    "tiles": {"tile": (16, 32)},
    "deflated tiles": {"tile": (16, 32), "compression": "zlib"},
    "deflated strips": {"rowsperstrip": 7, "compression": "zlib"},
    "deflated whole": {"rowsperstrip": 50, "compression": "zlib"},
    "BigTIFF": {"bigtiff": True, "tile": (32, 32)},
}


@pytest.mark.parametrize("channels", [1, 3, 4, 5])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_boxes_equal_parts_of_the_image(
    tmp_path: Path, layout: str, dtype: str, channels: int
) -> None:
    whole = noise((50, 70, channels), dtype)
    tifffile.imwrite(
        tmp_path / "a.tif", whole if channels > 1 else whole[..., 0],
        photometric="rgb" if channels in (3, 4) else "minisblack",
        planarconfig="contig" if channels > 1 else None, **LAYOUTS[layout],
    )
    with TiffReader(tmp_path / "a.tif") as reader:
        assert reader.shape == whole.shape
        for box in BOXES:
            pixels = reader.read(box)
            assert pixels.dtype == whole.dtype
            np.testing.assert_array_equal(pixels, whole[box.rows, box.columns])


@pytest.mark.skipif(
    importlib.util.find_spec("imagecodecs") is None, reason="imagecodecs is not installed"
)
@pytest.mark.parametrize("layout", [
    {"compression": "lzw", "predictor": True, "rowsperstrip": 7},
    {"compression": "zstd", "tile": (16, 16)},
    {"compression": "jpeg", "tile": (32, 32)},
])
def test_compressions_of_imagecodecs(tmp_path: Path, layout: dict[str, Any]) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise((50, 70, 3), "uint8"), photometric="rgb", **layout)
    with TiffReader(path) as reader:
        np.testing.assert_array_equal(
            reader.read(BOXES[1]), tifffile.imread(path)[BOXES[1].rows, BOXES[1].columns]
        )


def test_only_the_tiles_of_a_box_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise((64, 64, 3), "uint8"), photometric="rgb", tile=(16, 16),
                     compression="zlib")
    decoded: list[int] = []
    original = TiffReader._decode_segment

    def counted(reader: TiffReader, index: int, segment: Box) -> NDArray[Any]:
        decoded.append(index)
        return original(reader, index, segment)

    monkeypatch.setattr(TiffReader, "_decode_segment", counted)
    with TiffReader(path, cache_bytes=2 * 16 * 16 * 3) as reader:
        reader.read(Box(17, 17, 33, 31))
        assert decoded == [5, 6]
        reader.read(Box(17, 17, 33, 31))
        assert decoded == [5, 6], "both are cached"
        reader.read(Box(0, 0, 16, 64))
        reader.read(Box(17, 17, 33, 31))
        assert decoded == [5, 6, 0, 4, 8, 12, 5, 6], "older segments were dropped"


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"data": noise((3, 50, 70), "uint8"), "photometric": "rgb", "planarconfig": "separate"},
         "planar"),
        ({"data": noise((3, 50, 70), "uint8")}, "several pages"),
        ({"data": noise((50, 70), "uint8"), "photometric": "miniswhite"}, "MINISWHITE"),
        ({"data": noise((50, 70), "float32").astype("float64")}, "float64"),
        ({"data": noise((50, 70), "uint8") > 99}, "1 bits"),
        ({"data": noise((50, 70), "uint8"), "extratags": [(274, 3, 1, 6, False)]}, "Orientation"),
    ],
)
def test_unsupported_files_are_refused_with_the_reason(
    tmp_path: Path, options: dict[str, Any], fault: str
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, **{"photometric": "minisblack", **options})
    with pytest.raises(ValueError, match=fault) as caught:
        TiffReader(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("photometric", ["minisblack", "rgb"])
def test_windows_have_the_channels_and_colours_of_the_whole_image(
    tmp_path: Path, photometric: str, dtype: str, channels: int
) -> None:
    if photometric == "rgb" and channels not in (3, 4):
        return
    path, pixels = tmp_path / "a.tif", noise((20, 30, channels), dtype)
    tifffile.imwrite(path, pixels if channels > 1 else pixels[..., 0], photometric=photometric,
                     planarconfig="contig" if channels > 1 else None)
    whole = read_image(path)
    with TiffReader(path) as reader:
        part = as_raster(reader.read(Box(10, 5, 30, 15)), path, colour=reader.colour)
    assert part.colour == whole.colour
    np.testing.assert_array_equal(part.pixels, whole.pixels[5:15, 10:30])


def test_other_files_and_boxes_outside_the_image_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"not an image")
    with pytest.raises(ValueError, match="cannot be read as an image"):
        TiffReader(path)
    tifffile.imwrite(path, noise((5, 7), "uint8"), photometric="minisblack")
    with TiffReader(path) as reader, pytest.raises(ValueError, match="not inside an image of 7 x"):
        reader.read(Box(0, 0, 7, 6))


def test_a_damaged_tile_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise((50, 70, 3), "uint8"), photometric="rgb", compression="zlib")
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        assert isinstance(page, tifffile.TiffPage)
        offset = page.dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[offset : offset + 40] = bytes(40)
    path.write_bytes(content)
    with TiffReader(path) as reader, pytest.raises(ValueError, match=r"a\.tif.*decoded"):
        reader.read(BOXES[0])


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("dtype", DTYPES)
def test_boxes_may_be_written_in_any_order(
    tmp_path: Path, dtype: str, channels: int
) -> None:
    path, whole = tmp_path / "out" / "a.tif", noise((50, 70, channels), dtype)
    boxes = [Box(0, 20, 70, 50), Box(30, 0, 70, 20), Box(0, 0, 30, 20)]
    with create_tiff(path, (50, 70, channels), np.dtype(dtype)) as writer:
        for box in boxes:
            writer.write(box, whole[box.rows, box.columns])
        assert not path.exists(), "the file appears when it is complete"
    np.testing.assert_array_equal(tifffile.imread(path).reshape(whole.shape), whole)
    with TiffReader(path) as reader:
        np.testing.assert_array_equal(reader.read(BOXES[1]), whole[5:45, 10:66])


def test_an_exception_keeps_the_existing_file(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"before")
    with (
        pytest.raises(RuntimeError, match="stop"),
        create_tiff(path, (5, 7, 3), np.dtype("uint8")),
    ):
        raise RuntimeError("stop")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_wrong_pixels_are_refused(tmp_path: Path) -> None:
    with create_tiff(tmp_path / "a.tif", (5, 7, 3), np.dtype("uint8")) as writer:
        with pytest.raises(ValueError, match=r"got uint8 \(2, 2, 3\)"):
            writer.write(Box(0, 0, 7, 5), noise((2, 2, 3), "uint8"))
        with pytest.raises(ValueError, match="got float32"):
            writer.write(Box(0, 0, 7, 5), noise((5, 7, 3), "float32"))
        with pytest.raises(ValueError, match="not inside"):
            writer.write(Box(6, 0, 8, 5), noise((5, 2, 3), "uint8"))
    with (
        pytest.raises(ValueError, match="cannot write int64"),
        create_tiff(tmp_path / "b.tif", (5, 7, 3), np.dtype("int64")),
    ):
        pass
