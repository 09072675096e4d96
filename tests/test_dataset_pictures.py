"""Joined images are read as in a training, and written completely or not at all."""

import os
from pathlib import Path

import pytest
from PIL import Image
from tool_runs import draw, fault, noise, pixels, written

from data.files.pillow_files import PictureError, read_rgb
from datasets import combine_A_and_B, pictures
from util.text import listing


def folders(root: Path) -> list[str]:
    return ["--fold_A", str(root / "A"), "--fold_B", str(root / "B"), "--fold_AB", str(root / "AB")]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = draw(tmp_path / "1.png")

    def full_disk(self: Path, target: Path) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OSError, match="No space"):
        pictures.save_if_changed(noise(8, 6, 3), tmp_path / "1.png", overwrite=True)
    assert written(tmp_path) == ["1.png"]
    assert pixels(tmp_path / "1.png")[2] == old.tobytes()


def test_an_image_is_synced_to_disk_before_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(written(tmp_path)))
    pictures.save_if_changed(noise(8, 6), tmp_path / "1.png", overwrite=False)
    assert len(synced) >= 1 and "1.png" not in synced[0]


def test_jpg_keeps_full_colour_resolution(tmp_path: Path) -> None:
    pictures.save_if_changed(noise(8, 6), tmp_path / "1.jpg", overwrite=False)
    with Image.open(tmp_path / "1.jpg") as image:
        assert image.format == "JPEG"
        assert {layer[1:3] for layer in vars(image)["layer"]} == {(1, 1)}


def test_halves_of_unequal_size_do_not_join() -> None:
    with pytest.raises(ValueError, match=r"8x6 .* 4x6"):
        pictures.side_by_side(noise(8, 6), noise(4, 6))


def test_listing_shows_twenty_and_counts_the_rest() -> None:
    assert listing([str(i) for i in range(20)]).count("\n") == 19
    assert listing([str(i) for i in range(35)]).endswith("... and 15 more")


@pytest.mark.parametrize("resize", [(), ("--resize_to", "A")])
def test_deep_images_are_refused_as_training_would(tmp_path: Path, resize: tuple[str]) -> None:
    for side in "AB":
        (tmp_path / side).mkdir()
        Image.new("I;16", (4, 4), 60000).save(tmp_path / side / "1.png")
    text = fault(combine_A_and_B.main, [*folders(tmp_path), *resize])
    with pytest.raises(PictureError) as refused:
        read_rgb(tmp_path / "A" / "1.png")
    assert str(refused.value) in text
    assert written(tmp_path) == ["A/1.png", "B/1.png"]


def test_pairs_show_what_training_sees_upright_and_on_white(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for side in "AB":
        (tmp_path / side).mkdir()
    noise(8, 6).save(tmp_path / "A" / "1.png", exif=exif)
    Image.new("RGBA", (6, 8), (9, 8, 7, 0)).save(tmp_path / "B" / "1.png")
    combine_A_and_B.main([*folders(tmp_path), "--no_multiprocessing"])
    with Image.open(tmp_path / "AB" / "1.png") as joined:
        turned = noise(8, 6).transpose(Image.Transpose.ROTATE_270)
        assert joined.crop((0, 0, 6, 8)).tobytes() == turned.tobytes()
        assert joined.crop((6, 0, 12, 8)).getcolors() == [(48, (255, 255, 255))]
