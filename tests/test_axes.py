"""Arrays with the channels first, and TIFF files of several pages, are read right or refused."""

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from data.files import reading
from data.files.image_io import read_image, read_size
from data.files.pillow_files import PictureError
from data.files.raster import Raster, as_channels
from inference.conversions import to_rasters
from inference.tiles.tiff_windows import TiffReader

RNG = np.random.default_rng(0)


def some(*shape: int, dtype: str = "uint8") -> Any:
    return (RNG.random(shape) * 250).astype(dtype)


PHOTO = some(40, 50, 3)
GREY = PHOTO[:, :, 0]


def read(path: Path, *wanted: int) -> Raster:
    """Return the image, whose header has the same size."""
    raster = read_image(path, wanted)
    assert read_size(path, wanted) == raster.size
    return raster


@pytest.mark.parametrize(("shape", "wanted", "order"), [
    ((3, 24, 32), 3, (1, 2, 0)), ((4, 24, 32), 4, (1, 2, 0)), ((5, 24, 32), 5, (1, 2, 0)),
    ((40, 24, 32), 40, (1, 2, 0)), ((1, 24, 32), 1, (1, 2, 0)), ((1, 24, 32), 3, (1, 2, 0)),
    ((3, 24, 32), 1, (1, 2, 0)), ((2, 24, 32), 2, (1, 2, 0)), ((3, 24, 32), None, (1, 2, 0)),
    ((24, 32, 3), 3, None), ((24, 32, 1), 3, None), ((24, 32, 5), 5, None), ((24, 3, 32), 32, None),
    ((16, 90, 31), 31, None), ((1, 24, 3), 3, None), ((6, 6, 6), 6, None),
    ((24, 32, 4), None, None), ((5, 24, 32), 3, (1, 2, 0)),
])
@pytest.mark.parametrize("batch", [False, True])
def test_only_the_reading_that_fits_is_taken(
    tmp_path: Path, shape: tuple[int, ...], wanted: int | None, order: tuple[int, ...] | None,
    batch: bool,
) -> None:
    array = some(*shape)
    right = array if order is None else array.transpose(order)
    np.save(tmp_path / "x.npy", array[None] if batch else array)
    np.savez(tmp_path / "x.npz", image=array)
    for name in ("x.npy", "x.npz"):
        found = read(tmp_path / name, *((wanted,) if wanted else ()))
        assert np.array_equal(found.pixels, right)


def test_turning_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_logged", set())
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, some(3, 24, 33))
        read(tmp_path / name, 3)
    assert caplog.text.count("[3, 24, 33] are read as [C, H, W], and turned to [H, W, C]") == 1


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
@pytest.mark.parametrize(("shape", "wanted", "message"), [
    ((3, 24, 3), 3, r"may be \[H, W, C\] or \[C, H, W\]"),
    ((1, 24, 1), 1, r"may be \[H, W, C\] or \[C, H, W\]"),
    ((7, 8, 9), 7, ""), ((7, 8, 9), 5, "9 channels"),
])
def test_the_line_in_the_error_turns_the_array(
    tmp_path: Path, name: str, shape: tuple[int, ...], wanted: int, message: str
) -> None:
    path, array = tmp_path / name, some(*shape)
    save: Any = np.save if name == "x.npy" else np.savez
    save(path, array)
    if message:
        with pytest.raises(PictureError, match=message) as caught:
            as_channels(read(path, wanted), wanted, source=path)
        line = re.search(r"numpy\.save.*transpose\(1, 2, 0\)\)", str(caught.value))
        assert line
        exec(line[0], {"numpy": np})
    assert np.array_equal(read(path, array.shape[0]).pixels, array.transpose(1, 2, 0))


def test_an_array_of_a_python_program_names_the_call_that_turns_it() -> None:
    raster, = to_rasters(some(3, 24, 32))
    with pytest.raises(PictureError, match=r"32 channels.*: array\.transpose\(1, 2, 0\)$"):
        as_channels(raster, 3, source="the picture")


def test_other_lines_in_errors_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", some(2, 24, 32, 3))
    np.savez("y.npz", image=PHOTO, label=GREY)
    with tifffile.TiffWriter("z.tif") as tiff:
        tiff.write(PHOTO, photometric="rgb")
        tiff.write(PHOTO[::4, ::4], photometric="rgb")
    for name, line, made in (("x.npy", r"for i, .*image\)", "x_1.npy"),
                             ("y.npz", r"numpy\.save.*\]\)", "x.npy"),
                             ("z.tif", r"tifffile\.imwrite.*=0\)\)", "x.tif")):
        for function in (read_image, read_size):
            with pytest.raises(PictureError, match=line) as caught:
                function(Path(name))
        found = re.search(line, str(caught.value))
        assert found
        exec(found[0], {"numpy": np, "tifffile": tifffile})
        assert read(Path(made), 3).channels == 3


def pages(path: Path, *items: tuple[Any, dict[str, Any]]) -> Path:
    with tifffile.TiffWriter(path) as tiff:
        for array, flags in items:
            tiff.write(array, **flags)
    return path


BLACK, COLOUR = {"photometric": "minisblack"}, {"photometric": "rgb"}
SMALL = COLOUR | {"subfiletype": 1}
TILED = {"tile": (16, 16), "compression": "deflate"}


@pytest.mark.parametrize(("items", "wanted", "right"), [
    ([(GREY, BLACK), (GREY[::-1], BLACK | {"compression": "deflate"})], 2, [GREY, GREY[::-1]]),
    ([(GREY, BLACK), (GREY[::-1], BLACK)], 2, [GREY, GREY[::-1]]),
    ([(PHOTO, COLOUR), (GREY, BLACK | {"compression": "lzw"})], 4, [PHOTO, GREY]),
    ([(PHOTO, COLOUR), (PHOTO[:11, :13], SMALL)], 3, [PHOTO]),
    ([(PHOTO[:11, :13], SMALL), (PHOTO, COLOUR)], 3, [PHOTO]),
    ([(PHOTO, COLOUR | TILED | {"subifds": 1}), (PHOTO[::2, ::2], SMALL | TILED)], 3, [PHOTO]),
    ([(PHOTO, COLOUR | TILED), (PHOTO[::2, ::2], SMALL | TILED),
      (GREY > 9, BLACK | {"subfiletype": 4})], 3, [PHOTO]),
    ([(PHOTO.transpose(2, 0, 1), COLOUR | {"planarconfig": "separate"})], 3, [PHOTO]),
    ([(PHOTO.transpose(2, 0, 1), BLACK)], 3, [PHOTO]),
    ([(some(40, 50, 5), BLACK)], 5, None), ([(some(40, 50, 6, dtype="float32"), BLACK)], 6, None),
    ([(GREY, {"photometric": "miniswhite"})], 1, [255 - GREY]),
    ([(GREY.view("int8"), BLACK)], 1, [GREY.view("int8").astype(np.int16)]),
])
def test_pages_become_the_channels_of_the_image(
    tmp_path: Path, items: list[tuple[Any, dict[str, Any]]], wanted: int, right: list[Any] | None
) -> None:
    path = pages(tmp_path / "x.tif", *items)
    expected = items[0][0] if right is None else np.dstack(right)
    assert np.array_equal(read(path, wanted).pixels, expected)


def test_hyperstacks_palettes_and_foreign_colours(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    stack = some(2, 3, 4, 20, 30, dtype="uint16")
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "TZCYX"})
    assert np.array_equal(read(path).pixels, stack.reshape(24, 20, 30).transpose(1, 2, 0))
    palettes = [Image.fromarray(each).quantize(16) for each in (PHOTO, PHOTO[::-1].copy())]
    palettes[0].save(path, save_all=True, append_images=palettes[1:])
    shown = np.asarray(palettes[0].convert("RGB"))
    assert np.array_equal(read(path).pixels[:, :, :3], shown)
    tifffile.imwrite(path, PHOTO.astype(np.uint16), photometric="cielab")
    with pytest.raises(PictureError, match="colours of type CIELAB; convert it to RGB"):
        read_image(path)
    pages(path, (GREY, BLACK), (GREY.astype(np.uint16), BLACK))
    with pytest.raises(PictureError, match=r"2 images of different types \(uint8, uint16\)"):
        read_image(path)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize(("kind", "colour"), [
    ("unassalpha", "rgba"), ("assocalpha", "rgba"), ("unspecified", "bands"),
])
def test_a_fourth_channel_is_transparency_only_if_the_file_marks_it(
    tmp_path: Path, dtype: str, kind: str, colour: str
) -> None:
    most = np.iinfo(dtype).max
    stored = np.full((4, 6, 4), (most // 4, most // 2, 0, most), dtype)
    stored[0] = (most // 8, most // 4, 0, most // 2)
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, stored, photometric="rgb", extrasamples=[kind])
    found = read(path, 4)
    assert found.colour == colour
    assert np.array_equal(found.pixels[1:], stored[1:])
    right = stored[1, 0, :3] if kind == "assocalpha" else stored[0, 0, :3]
    assert np.abs(found.pixels[0, 0, :3].astype(int) - right).max() <= 2
    if kind == "assocalpha":
        with pytest.raises(PictureError, match="multiplied by their alpha"):
            TiffReader(path)
    else:
        with TiffReader(path) as reader:
            assert reader.colour == colour


@pytest.mark.parametrize(("shape", "kept"), [((2, 20, 30), 1), ((5, 20, 30), 3)])
def test_the_command_for_too_many_or_too_few_pages_works(
    tmp_path: Path, shape: tuple[int, ...], kept: int
) -> None:
    path = tmp_path / "a b" / "x.tif"
    path.parent.mkdir()
    pages = some(*shape)
    tifffile.imwrite(path, pages, photometric="minisblack", metadata=None,
                     extratags=[(42113, "s", 0, "-1", True)])
    with pytest.raises(PictureError, match="3 wanted; convert it") as caught:
        as_channels(read(path, 3), 3, source=path)
    folder, command = str(caught.value).split("--dataroot ")[1].split(": ", 1)
    exec(shlex.split(command)[2], {})
    made = read(Path(*shlex.split(folder)) / "x.tif", 3)
    assert np.array_equal(as_channels(made, kept, source=path), pages[:kept].transpose(1, 2, 0))
    assert as_channels(made, 3, source=path).shape == (20, 30, 3)
