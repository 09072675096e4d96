"""What systems and programs leave beside images is not read; what may be a copy is logged."""

from pathlib import Path

import pytest
from tiny_sets import noise

from data.checking.layout import find_rows
from data.discovery.folders import is_picture
from data.discovery.image_folder import find_images
from data.discovery.inputs import find_inputs
from data.discovery.pairs import find_pairs
from data.record import Record
from datasets.pairs import find_pictures
from metrics.report.result_files import folder_files

LEFT_BESIDE = (
    "._x.png", "__MACOSX/._x.png", "__MACOSX/x.png", "@eaDir/x.png/SYNOPHOTO_THUMB_M.jpg",
    "x.png/SYNOFILE_THUMB_S.png", ".thumbnails/x.png", ".ipynb_checkpoints/x-checkpoint.png",
    "#recycle/x.png", "#snapshot/daily/x.png", "$RECYCLE.BIN/S-1-5-21/$R0001.png",
    "System Volume Information/x.png", ".Trash-1000/files/x.png", "lost+found/x.png",
    ".git/x.png", ".svn/x.png", ".sync/Archive/x.png", "~$x.png", ".~lock.x.png",
    ".fuse_hidden1.png", ".nfs0001.png", ".x.partial.png", "x.png~", "x.png.bak",
    "x.png.crdownload", "x.png.part",
    "x.png:Zone.Identifier", "Thumbs.db", "desktop.ini", ".DS_Store", "Icon\r", "@Recycle/x.png",
    ".@__thumb/x.png", "Network Trash Folder/x.png", "~snapshot/x.png", ".AppleDouble/x.png",
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of one pair of images, with everything above beside them."""
    root = tmp_path_factory.mktemp("left")
    for folder in ("trainA", "trainB"):
        for name in ("sub/1.png", "sub/2.png", *LEFT_BESIDE):
            path = root / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            noise(4, 4, seed=len(name)).save(path, format="PNG")
    return root


def test_only_images_are_found(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    A, wanted = root / "trainA", ["sub/1.png", "sub/2.png"]
    assert [p.relative_to(A).as_posix() for p in find_images(A)] == wanted
    for quiet in ("identifier", ".db", ".ini", "no extension", "copies"):
        assert quiet not in caplog.text
    assert "1 .crdownload" in caplog.text
    assert list(find_pictures(A)) == ["sub/1", "sub/2"]
    assert len(find_pairs(root, "train").pairs) == 2
    assert len(find_rows(root).rows) == 2
    assert [f.name for f in folder_files(A, root / "trainB")[0]] == ["sub/1", "sub/2"]
    for path in (A, A / "**" / "*.png"):
        inputs = find_inputs(path, phase="", letter="A", record=Record())
        assert [item.name.as_posix() for item in inputs] == ["sub/1", "sub/2"]


def test_a_folder_that_is_named_by_the_user_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "@eaDir" / ".thumbnails"
    folder.mkdir(parents=True)
    (folder / "x.png").touch()
    assert find_images(folder) == [folder / "x.png"]


@pytest.mark.parametrize("name", ["x.dcm~", "x.bak", "x.dcm.part", "x.tmp", "x.crdownload", "x~"])
def test_backups_and_parts_are_no_images_whatever_they_hold(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(bytes(128) + b"DICM" + bytes(200))
    assert not is_picture(tmp_path / name)
    (tmp_path / "IM00001").write_bytes(bytes(128) + b"DICM" + bytes(200))
    assert is_picture(tmp_path / "IM00001")


@pytest.mark.parametrize("name", [
    "1 (1).png", "1_(2).png", "Copy of 1.png", "1 copy 2.png", "1 - Kopie (2).png", "1 (copy).png",
    "1 (Anna's conflicted copy 2026-01-01).png", "1.sync-conflict-20260101-100000-ABC.png",
    "1-edited.jpg", "1.bak.png", "thumbs/9.png", "a/Previews/9.png", "1.png.download/1.png",
])
def test_doubtful_images_are_used_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    for each in ("1.png", name):
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each).touch()
    assert len(find_images(tmp_path)) == 2
    assert "may be copies" in caplog.text
    assert name.rpartition("/")[0] + "/" in caplog.text if "/" in name else name in caplog.text


def test_numbered_images_are_no_copies(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("frame (1).png", "frame (2).png", "copy of nothing.png", "photocopy.png"):
        (tmp_path / name).touch()
    assert len(find_images(tmp_path)) == 4
    assert not caplog.text
