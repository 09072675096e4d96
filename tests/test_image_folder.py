import os
from pathlib import Path

import pytest
from tiny_sets import make_opt, write_noise

from data import find_dataset
from data.discovery.image_folder import find_images
from data.discovery.inputs import find_inputs
from data.discovery.listed_files import Finder
from data.discovery.table import texts_of
from data.files.reading import PictureError
from data.record import Record
from util import checkpoint
from util.disk.content import first_bytes


def test_finds_every_letter_case_and_skips_hidden_files(tmp_path: Path) -> None:
    write_noise(tmp_path, "b.png", "a.Jpg", "c.TIFF", "d.webp", "._b.png", "sub.png")
    write_noise(tmp_path / ".cache", "x.png")
    write_noise(tmp_path / "sub", "e.bmp")
    names = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]
    assert names == ["a.Jpg", "b.png", "c.TIFF", "d.webp", "sub.png", "sub/e.bmp"]


def test_limit_takes_the_first(tmp_path: Path) -> None:
    write_noise(tmp_path, "b.png", "a.png", "c.png")
    assert [path.name for path in find_images(tmp_path, limit=2)] == ["a.png", "b.png"]


@pytest.mark.parametrize("target", ["nowhere.png", "gone.png"])
def test_a_link_to_nothing_or_to_itself_is_named_or_skipped(
    tmp_path: Path, target: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_noise(tmp_path, "a.png", "b.png")
    (tmp_path / "gone.png").symlink_to(target)
    (tmp_path / "link").symlink_to("link")
    build = find_dataset("single")
    with pytest.raises(PictureError, match=r"gone\.png is a link to a missing file, or to itself"):
        build(make_opt(tmp_path, dataset_mode="single"))
    assert len(build(make_opt(tmp_path, dataset_mode="single", on_bad_image="skip"))) == 2
    assert "gone.png is a link to a missing file, or to itself" in caplog.text


def test_pipes_sockets_and_devices_are_never_opened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_noise(tmp_path, "a.png")
    for name in ("pipe", "pipe.png", "pipe.txt", "pipe.dcm"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "zero.tif").symlink_to("/dev/zero")
    assert [path.name for path in find_images(tmp_path)] == ["a.png"]
    assert "left out, because they are pipes, sockets or devices:\n  pipe\n" in caplog.text
    for name in ("pipe", "pipe.png", "zero.tif"):
        file = tmp_path / name
        assert first_bytes(file) == b""
        with pytest.raises(ValueError, match="is a pipe, a socket or a device"):
            find_inputs(file, phase="", letter="A", record=Record())
        with pytest.raises(FileNotFoundError, match="is a pipe, a socket or a device"):
            checkpoint.load(file)
        with pytest.raises(FileNotFoundError, match="is a pipe, a socket or a device"):
            next(texts_of(file))
        assert Finder((tmp_path,))(name) == f"{name} is a pipe, a socket or a device, not a file"


def test_left_out_files_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_noise(tmp_path, "a.png")
    for name in ("x.txt", "y.TXT", "README"):
        (tmp_path / name).touch()
    find_images(tmp_path)
    assert "2 .txt, 1 no extension" in caplog.text


@pytest.mark.parametrize(
    ("made", "phase", "side", "messages"),
    [
        ((), "train", "", ("folders in ROOT: none", "check --dataroot")),
        (("trainA", "trainB"), "train", "",
         ("train does not exist", "--dataset_mode aligned", "--dataset_mode unaligned")),
        (("train",), "train", "A", ("trainA does not exist", "--dataset_mode aligned")),
        (("trainA",), "train", "B", ("trainB does not exist", "needs trainA and trainB")),
        (("test", "val"), "train", "", ("folders in ROOT: test, val", "--phase")),
        (("A/train", "B/train"), "val", "", ("ROOT: A, B; A and B both hold train", "--phase")),
        (("A/train", "B/train"), "train", "", ("A/train and B/train are read by --dataset_mode",)),
        (("A/x", "B/y"), "train", "", ("A and B both hold no folder",)),
    ],
)
def test_a_missing_folder_gives_advice(
    tmp_path: Path, made: tuple[str, ...], phase: str, side: str, messages: tuple[str, ...]
) -> None:
    for name in made:
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(FileNotFoundError) as caught:
        find_images(tmp_path, phase, side=side)
    for message in messages:
        assert message.replace("ROOT", str(tmp_path)) in str(caught.value)


def test_flat_folders_A_and_B_are_to_be_moved_below_a_phase(tmp_path: Path) -> None:
    for side in "AB":
        write_noise(tmp_path / side, "1.png")
    with pytest.raises(FileNotFoundError) as caught:
        find_images(tmp_path, "train")
    for side in "AB":
        assert f"{tmp_path / side} to {tmp_path / side / 'train'}" in str(caught.value)


@pytest.mark.parametrize(
    ("folders", "phase", "side", "advice"),
    [
        ("train test", "trian", "", r"did you mean --phase train\?$"),
        ("trainA trainB", "trianing", "A", r"did you mean --phase train\?$"),
        ("trainA trainB testA testB", "trainC", "", r"did you mean --phase train\?$"),
        ("trainA trainC testA testB", "train", "B", r"did you mean trainC\? Rename it to trainB$"),
        ("trainA testA testB", "train", "B", "unaligned mode needs trainA and trainB$"),
        ("train test", "train", "A", "--model colorization learns to colour it, and unaligned "),
        ("train test", "valid", "", "check --dataroot and --phase$"),
    ],
)
def test_a_misspelt_folder_or_phase_is_guessed(
    folders: str, phase: str, side: str, advice: str, tmp_path: Path
) -> None:
    for name in folders.split():
        (tmp_path / name).mkdir()
    with pytest.raises(FileNotFoundError, match=advice):
        find_images(tmp_path, phase, side=side)


def test_missing_dataroot_and_images_one_level_up_give_advice(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"--dataroot .*nope does not exist"):
        find_images(tmp_path / "nope", "train")
    write_noise(tmp_path, "a.png")
    with pytest.raises(FileNotFoundError, match="--dataset_mode single"):
        find_images(tmp_path, "train")


def test_empty_folders_and_wrong_extensions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no images .*\.webp.* found: no files"):
        find_images(tmp_path)
    (tmp_path / "x.heic").touch()
    with pytest.raises(FileNotFoundError, match=r"found: 1 \.heic \(convert: magick"):
        find_images(tmp_path)
