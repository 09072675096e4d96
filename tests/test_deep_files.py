"""Formats that Pillow cuts to 8 bits or does not know keep their numbers."""

import logging
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from data.files import reading
from data.files.image_io import can_hold, extension_for, read_image, read_size, write_image
from data.files.pillow_files import PictureError

DEEP = np.linspace(0, 65535, 4 * 5 * 3).astype(np.uint16).reshape(4, 5, 3)
BYTES = (DEEP >> 8).astype(np.uint8)


def test_colours_of_more_than_8_bits_keep_them(tmp_path: Path) -> None:
    header = b"P6\n# made by hand\n5 4\n65535\n"
    (tmp_path / "x.ppm").write_bytes(header + DEEP.astype(">u2").tobytes())
    (tmp_path / "x.jp2").write_bytes(imagecodecs.jpeg2k_encode(DEEP))
    (tmp_path / "x.png").write_bytes(imagecodecs.png_encode(DEEP))
    for path in tmp_path.iterdir():
        assert np.array_equal(read_image(path).pixels, DEEP), path.name
        assert (read_image(path).colour, read_size(path)) == ("rgb", (5, 4))


def test_the_largest_value_of_a_netpbm_file_is_white(tmp_path: Path) -> None:
    path = tmp_path / "x.ppm"
    path.write_bytes(b"P6 1 1 1023\n" + np.array([0, 1023, 341], ">u2").tobytes())
    assert read_image(path).pixels.tolist() == [[[0, 65535, 21845]]]
    path.with_suffix(".pgm").write_bytes(b"P5 2 1 1\n\0\1")
    assert read_image(path.with_suffix(".pgm")).pixels.tolist() == [[[0], [255]]]


@pytest.mark.parametrize(("magic", "channels"), [(b"PF", 3), (b"Pf", 1)])
@pytest.mark.parametrize(("scale", "dtype"), [(b"-1.0", "<f4"), (b"1", ">f4")])
def test_pfm_begins_with_its_lowest_row(
    tmp_path: Path, magic: bytes, channels: int, scale: bytes, dtype: str
) -> None:
    values = np.linspace(-2, 900, 4 * 5 * channels, dtype=np.float32).reshape(4, 5, channels)
    path = tmp_path / "x.pfm"
    path.write_bytes(magic + b"\n5 4\n" + scale + b"\n" + values[::-1].astype(dtype).tobytes())
    assert np.array_equal(read_image(path).pixels, values)
    assert read_size(path) == (5, 4)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(PictureError, match="is cut off: 5 x 4 pixels"):
        read_image(path)


def test_radiance_files_are_floating_point(tmp_path: Path) -> None:
    values = np.linspace(0.5, 90, 8 * 9 * 3, dtype=np.float32).reshape(8, 9, 3)
    (tmp_path / "x.hdr").write_bytes(imagecodecs.rgbe_encode(values, header=True))
    found = read_image(tmp_path / "x.hdr")
    assert (str(found.pixels.dtype), found.colour, found.size) == ("float32", "rgb", (9, 8))
    assert np.allclose(found.pixels, values, rtol=0, atol=90 / 128)


def test_the_first_frame_of_an_animation_is_read_and_one_of_them_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_logged", set())
    frames = [Image.fromarray(np.full((4, 5), level, np.uint8)) for level in (10, 200)]
    for name in ("a.gif", "b.gif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    with caplog.at_level(logging.WARNING):
        found = [read_image(tmp_path / name) for name in ("a.gif", "b.gif")]
    assert all((raster.pixels == 10).all() for raster in found)
    assert [record.getMessage().count("a.gif is an animation") for record in caplog.records] == [1]


@pytest.mark.parametrize("extension", [".pgm", ".gif", ".jp2", ".tga", ".dib", ".jfif", ".pnm"])
def test_outputs_for_other_formats_get_one_that_holds_them(tmp_path: Path, extension: str) -> None:
    for pixels in (BYTES, BYTES[:, :, :1], DEEP[:, :, :1], DEEP):
        chosen = extension_for(pixels, extension)
        path = tmp_path / f"x{chosen}"
        write_image(pixels, path)
        assert np.array_equal(read_image(path).pixels, pixels)
        if can_hold(extension, pixels):
            write_image(pixels, tmp_path / f"named{extension}")


@pytest.mark.parametrize(("content", "reason"), [
    (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
    (b"\n<!DOCTYPE html><html>", "a web page"), (b"\0\0\0\x18ftypheic\0", "a HEIC image"),
    (b"%PDF-1.7", "a PDF file"),
])
def test_a_file_that_is_something_else_is_named(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(PictureError, match=reason):
        read_image(tmp_path / "x.jpg")
