"""Joining and writing pictures: nothing is clipped, dropped or half-written."""

from pathlib import Path

import pytest
from PIL import Image
from tool_runs import draw, noise, pixels, written

from datasets import pairs, pictures


@pytest.mark.parametrize(
    ("mode", "levels"),
    [("L", (3, 250)), ("I;16", (3, 60000)), ("RGBA", ((9, 8, 7, 0), (1, 2, 3, 128)))],
)
def test_grey_16_bit_and_alpha_survive_the_join(
    mode: str, levels: tuple[float, float] | tuple[tuple[int, ...], tuple[int, ...]]
) -> None:
    A, B = (Image.new(mode, (2, 2), level) for level in levels)
    joined = pictures.side_by_side(A, B)
    assert joined.mode == mode
    assert (joined.getpixel((0, 0)), joined.getpixel((3, 1))) == levels


def test_16_bits_beside_8_bits_are_refused_and_not_clipped() -> None:
    with pytest.raises(ValueError, match="without loss"):
        pictures.side_by_side(Image.new("I;16", (2, 2)), Image.new("RGB", (2, 2)))


@pytest.mark.parametrize("name", ["turned.jpg", "turned.png"])
def test_a_photo_is_turned_upright_before_sizes_are_compared(tmp_path: Path, name: str) -> None:
    exif = Image.Exif()
    exif[pictures.EXIF_ORIENTATION] = 6
    noise(8, 6).save(tmp_path / name, exif=exif)
    assert pictures.upright_size(tmp_path / name) == (6, 8)
    assert pictures.read_picture(tmp_path / name).size == (6, 8)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = draw(tmp_path / "1.png")

    def full_disk(self: Path, target: Path) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OSError, match="No space"):
        pictures.save_picture(noise(8, 6, 3), tmp_path / "1.png", overwrite=True)
    assert written(tmp_path) == ["1.png"]
    assert pixels(tmp_path / "1.png")[2] == old.tobytes()


def test_jpg_keeps_full_colour_resolution(tmp_path: Path) -> None:
    pictures.save_picture(noise(8, 6), tmp_path / "1.jpg", overwrite=False)
    with Image.open(tmp_path / "1.jpg") as image:
        assert image.format == "JPEG"
        assert {layer[1:3] for layer in vars(image)["layer"]} == {(1, 1)}


def test_jpg_cannot_hold_alpha(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--format png"):
        pictures.save_picture(Image.new("RGBA", (2, 2)), tmp_path / "1.jpg", overwrite=False)


def test_halves_of_unequal_size_do_not_join() -> None:
    with pytest.raises(ValueError, match=r"8x6 .* 4x6"):
        pictures.side_by_side(noise(8, 6), noise(4, 6))


def test_listing_shows_ten_and_counts_the_rest() -> None:
    assert pairs.listing([str(i) for i in range(10)]).count("\n") == 9
    assert pairs.listing([str(i) for i in range(25)]).endswith("... and 15 more")
