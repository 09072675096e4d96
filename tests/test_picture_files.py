from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_sets import noise

from data.files.pillow_files import PictureError, read_rgb, read_rgb_size


@pytest.mark.parametrize("extension", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, extension: str, orientation: int) -> None:
    # Where the viewer's top left and top right corners lie in the stored 16 x 8 pixels.
    corners = {1: "LT RT", 2: "RT LT", 3: "RB LB", 4: "LB RB"}
    corners |= {5: "LT LB", 6: "LB LT", 7: "RB RT", 8: "RT RB"}
    stored = Image.new("RGB", (16, 8))
    quarters = {"LT": (0, 0), "RT": (8, 0), "LB": (0, 4), "RB": (8, 4)}
    greys = {"LT": 0, "RT": 80, "LB": 160, "RB": 240}
    for name, place in quarters.items():
        stored.paste((greys[name],) * 3, (*place, place[0] + 8, place[1] + 4))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"x.{extension}"
    stored.save(path, exif=exif)
    picture = read_rgb(path)
    assert picture.size == read_rgb_size(path) == ((16, 8) if orientation < 5 else (8, 16))
    seen = np.asarray(picture.convert("L")).astype(int)
    wanted = [greys[name] for name in corners[orientation].split()]
    assert np.abs(seen[1, [1, -2]] - wanted).max() <= 12  # JPEG and WebP lose a little


def test_damaged_exif_does_not_stop_the_image(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    noise(8, 4).save(tmp_path / "x.png", exif=b"Exif\0\0junkjunkjunk")
    assert read_rgb(tmp_path / "x.png").size == (8, 4)
    assert "x.png: EXIF data is damaged" in caplog.text


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_other_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    extension = "tif" if mode == "CMYK" else "png"
    image = Image.new("RGB", (8, 8), "white").convert(mode)
    image.save(tmp_path / f"x.{extension}")
    picture = read_rgb(tmp_path / f"x.{extension}")
    assert picture.mode == "RGB"
    assert np.asarray(picture).min() >= 254


def test_palette_with_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    image.save(tmp_path / "x.png", transparency=b"\x00\x80")
    half = [round(255 + (level - 255) * 0x80 / 255) for level in (200, 100, 50)]
    assert read_rgb(tmp_path / "x.png").getpixel((0, 0)) == tuple(half)


@pytest.mark.parametrize(
    ("mode", "colour", "saved"),
    [
        ("RGBA", (9, 8, 7, 0), {}),
        ("LA", (9, 0), {}),
        ("RGB", (9, 8, 7), {"transparency": (9, 8, 7)}),
        ("L", 9, {"transparency": 9}),
        ("P", 0, {"transparency": 0}),
    ],
)
def test_transparent_pixels_become_white(
    tmp_path: Path, mode: str, colour: tuple[int, ...] | int, saved: dict[str, Any]
) -> None:
    Image.new(mode, (4, 4), colour).save(tmp_path / "x.png", **saved)
    assert read_rgb(tmp_path / "x.png").getcolors() == [(16, (255, 255, 255))]


def test_opaque_alpha_changes_no_level(tmp_path: Path) -> None:
    levels = np.arange(256 * 3, dtype=np.uint8).reshape(16, 16, 3)
    picture = Image.fromarray(levels)
    picture.putalpha(255)
    picture.save(tmp_path / "x.png")
    assert np.array_equal(np.asarray(read_rgb(tmp_path / "x.png")), levels)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
@pytest.mark.parametrize("read", [read_rgb, read_rgb_size])
def test_deep_images_are_refused(
    tmp_path: Path, dtype: type[np.generic], read: Callable[[Path], object]
) -> None:
    ramp = np.linspace(0, 60000, 64).reshape(8, 8).astype(dtype)
    Image.fromarray(ramp).save(tmp_path / "deep.tif")
    with pytest.raises(PictureError, match=r"deep\.tif has Pillow mode .* 8-bit .* -depth 8"):
        read(tmp_path / "deep.tif")


@pytest.mark.parametrize("name", ["cut.jpg", "cut.png"])
def test_truncated_and_foreign_files_are_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    noise(64, 64).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(PictureError, match=rf"{name} cannot be read .*damaged or cut off"):
        read_rgb(path)
    path.write_text("not an image")
    with pytest.raises(PictureError, match=rf"{name} cannot be read"):
        read_rgb_size(path)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "it is empty"), (b"text", "it is not an image")]
)
def test_the_error_for_other_files_has_the_path_once(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(PictureError) as caught:
        read_rgb(path)
    assert f"cannot be read as an image ({reason})" in str(caught.value)
    assert str(caught.value).count(str(path)) == 1
