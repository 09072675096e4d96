import os
from pathlib import Path

import pytest

from data.discovery.folders import is_picture, name_formats, visible_files


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in visible_files(folder))


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path / "a.png", tmp_path / "._a.png", tmp_path / ".cache/b.png", tmp_path / "c/d.txt")
    assert names(tmp_path) == ["a.png", "c/d.txt"]


def test_linked_folders_are_entered_each_time_and_loops_end(tmp_path: Path) -> None:
    root = tmp_path / "root"
    touch(tmp_path / "elsewhere/x.png", root / "a.png")
    for name in ("train", "val"):
        (root / name).symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (root / "loop").symlink_to(root, target_is_directory=True)
    assert names(root) == ["a.png", "train/x.png", "val/x.png"]


def test_two_folders_that_link_to_each_other_end(tmp_path: Path) -> None:
    A, B = tmp_path / "A", tmp_path / "B"
    touch(A / "1.png", A / "2.png", B / "1.png", B / "2.png")
    (A / "other").symlink_to(B, target_is_directory=True)
    (B / "other").symlink_to(A, target_is_directory=True)
    assert names(A) == ["1.png", "2.png", "other/1.png", "other/2.png"]


def test_an_unreadable_folder_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "a.png", tmp_path / "locked/b.png")
    scandir = os.scandir

    def refuse(path: Path) -> object:  # root may read everything, so permissions have no effect
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError, match="locked"):
        names(tmp_path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.PNG", True), ("a.b.jpeg", True), ("._a.png", False), ("a.GIF", True), ("a.pgm", True),
     ("a.Jfif", True), ("a.jp2", True), ("a.heic", False), ("a.exr", False), ("a.txt", False)],
)
def test_images_are_recognised_by_their_names(name: str, expected: bool) -> None:
    assert is_picture(Path(name)) == expected


def test_a_text_header_of_remote_sensing_is_not_an_image(tmp_path: Path) -> None:
    (tmp_path / "scene.hdr").write_text("ENVI\nsamples = 4\n")
    (tmp_path / "sky.hdr").write_bytes(b"#?RADIANCE\n")
    assert [is_picture(tmp_path / name) for name in ("scene.hdr", "sky.hdr")] == [False, True]


def test_formats_that_are_not_read_are_named_with_the_way_out() -> None:
    text = name_formats(map(Path, ("a.heic", "b.NEF", "c.exr", "d.txt", "e.txt")))
    assert "1 .heic (convert: magick x.heic x.png)" in text
    assert "1 .nef (develop to TIFF: darktable-cli x.nef x.tif)" in text
    assert "1 .exr (convert to floating-point TIFF:" in text
    assert text.endswith("2 .txt")
