from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_sets import noise, write_noise

from data.image_folder import find_images
from data.image_io import PictureError, read_picture, read_size


def test_finds_every_letter_case_and_skips_hidden_files(tmp_path: Path) -> None:
    write_noise(tmp_path, "b.png", "a.Jpg", "c.TIFF", "d.webp", "._b.png", "sub.png")
    write_noise(tmp_path / ".cache", "x.png")
    write_noise(tmp_path / "sub", "e.bmp")
    names = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]
    assert names == ["a.Jpg", "b.png", "c.TIFF", "d.webp", "sub.png", "sub/e.bmp"]


def test_limit_takes_the_first(tmp_path: Path) -> None:
    write_noise(tmp_path, "b.png", "a.png", "c.png")
    assert [path.name for path in find_images(tmp_path, limit=2)] == ["a.png", "b.png"]


def test_linked_folders_are_entered_and_loops_end(tmp_path: Path) -> None:
    write_noise(tmp_path / "elsewhere", "x.png")
    root = tmp_path / "root"
    write_noise(root, "a.png")
    (root / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (root / "loop").symlink_to(root, target_is_directory=True)
    names = [path.relative_to(root).as_posix() for path in find_images(root)]
    assert names == ["a.png", "linked/x.png"]


def test_dangling_link_is_named(tmp_path: Path) -> None:
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(FileNotFoundError, match=r"gone\.png is a link to nothing"):
        find_images(tmp_path)


def test_left_out_files_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_noise(tmp_path, "a.png")
    for name in ("x.gif", "y.GIF", "README"):
        (tmp_path / name).touch()
    find_images(tmp_path)
    assert "2 .gif, 1 no extension" in caplog.text


@pytest.mark.parametrize(
    ("made", "phase", "side", "messages"),
    [
        ((), "train", "", ("folders in ROOT: none", "check --dataroot")),
        (("trainA", "trainB"), "train", "", ("train does not exist", "--dataset_mode unaligned")),
        (("train",), "train", "A", ("trainA does not exist", "--dataset_mode aligned")),
        (("trainA",), "train", "B", ("trainB does not exist", "needs trainA and trainB")),
        (("test", "val"), "train", "", ("folders in ROOT: test, val", "--phase")),
        (("A", "B"), "train", "", ("combine_A_and_B.py",)),
    ],
)
def test_missing_folder_says_the_way_out(
    tmp_path: Path, made: tuple[str, ...], phase: str, side: str, messages: tuple[str, ...]
) -> None:
    for name in made:
        (tmp_path / name).mkdir()
    with pytest.raises(FileNotFoundError) as caught:
        find_images(tmp_path, phase, side=side)
    for message in messages:
        assert message.replace("ROOT", str(tmp_path)) in str(caught.value)


def test_missing_dataroot_and_pictures_one_level_up(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"--dataroot .*nope does not exist"):
        find_images(tmp_path / "nope", "train")
    write_noise(tmp_path, "a.png")
    with pytest.raises(FileNotFoundError, match="--dataset_mode single"):
        find_images(tmp_path, "train")


def test_empty_folder_and_wrong_extensions(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no pictures .*\.webp.* found: no files"):
        find_images(tmp_path)
    (tmp_path / "x.gif").touch()
    with pytest.raises(FileNotFoundError, match=r"found: 1 \.gif"):
        find_images(tmp_path)


@pytest.mark.parametrize("extension", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(tmp_path: Path, extension: str, orientation: int) -> None:
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
    picture = read_picture(path)
    assert picture.size == read_size(path) == ((16, 8) if orientation < 5 else (8, 16))
    seen = np.asarray(picture.convert("L")).astype(int)
    wanted = [greys[name] for name in corners[orientation].split()]
    assert np.abs(seen[1, [1, -2]] - wanted).max() <= 12  # JPEG and WebP lose a little


def test_damaged_exif_does_not_stop_the_picture(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    noise(8, 4).save(tmp_path / "x.png", exif=b"Exif\0\0junkjunkjunk")
    assert read_picture(tmp_path / "x.png").size == (8, 4)
    assert "x.png: EXIF data is damaged" in caplog.text


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_other_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    extension = "tif" if mode == "CMYK" else "png"
    image = Image.new("RGB", (8, 8), "white").convert(mode)
    image.save(tmp_path / f"x.{extension}")
    picture = read_picture(tmp_path / f"x.{extension}")
    assert picture.mode == "RGB"
    assert np.asarray(picture).min() >= 254


def test_palette_with_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    image.save(tmp_path / "x.png", transparency=b"\x00\x80")
    assert read_picture(tmp_path / "x.png").getpixel((0, 0)) == (200, 100, 50)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
@pytest.mark.parametrize("read", [read_picture, read_size])
def test_deep_pictures_are_refused(
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
    with pytest.raises(PictureError, match=rf"{name} cannot be read .*truncated"):
        read_picture(path)
    path.write_text("not a picture")
    with pytest.raises(PictureError, match=rf"{name} cannot be read"):
        read_size(path)
