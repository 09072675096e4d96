"""The download scripts: files that they download, refuse, and leave behind."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from mirror import ROOT, Mirror, serving, tar_of, zip_of

CYCLEGAN = "datasets/download_cyclegan_dataset.sh"
PIX2PIX = "datasets/download_pix2pix_dataset.sh"
CYCLEGAN_MODEL = "scripts/download_cyclegan_model.sh"
PIX2PIX_MODEL = "scripts/download_pix2pix_model.sh"
DOWNLOADS = (CYCLEGAN, PIX2PIX, CYCLEGAN_MODEL, PIX2PIX_MODEL)
ZIP, TAR = "cyclegan/datasets/maps.zip", "pix2pix/datasets/maps.tar.gz"
PTH = "pix2pix/models-pytorch/sat2map.pth"
MODEL_BYTES = 1_200_000

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    with serving(tmp_path) as running:
        yield running


@pytest.mark.parametrize("script", DOWNLOADS)
def test_default_urls_are_https(script: str) -> None:
    assert "http://" not in (ROOT / script).read_text()
    assert ":-https://" in (ROOT / "datasets/fetch.sh").read_text()


@pytest.mark.parametrize("script", DOWNLOADS)
@pytest.mark.parametrize(
    ("names", "code"), [(["--help"], 0), ([], 2), (["fasades"], 2), (["map2sat", "sat2map"], 2)]
)
def test_usage_lists_the_names(mirror: Mirror, script: str, names: list[str], code: int) -> None:
    ended = mirror.run(script, *names)
    assert ended.returncode == code
    text = ended.stderr if code else ended.stdout
    assert "NAME is one of:" in text and ("maps" in text or "map2sat" in text)
    assert mirror.left() == []


@pytest.mark.parametrize("script", [CYCLEGAN, PIX2PIX])
def test_cityscapes_is_refused_with_the_fix(mirror: Mirror, script: str) -> None:
    mirror.refuses(script, "cityscapes", "prepare_cityscapes_dataset.py")


@pytest.mark.parametrize(
    ("script", "path", "layout", "archive"),
    [
        (CYCLEGAN, ZIP, "trainA", zip_of("maps/trainA/1.jpg")),
        (PIX2PIX, TAR, "train", tar_of("maps/train/1.jpg")),
    ],
)
def test_a_data_set_is_unpacked_once(
    mirror: Mirror, script: str, path: str, layout: str, archive: bytes
) -> None:
    mirror.put(path, archive)
    assert mirror.run(script, "maps").returncode == 0
    inside = ["", "/downloads.json", "/maps", f"/maps/{layout}", f"/maps/{layout}/1.jpg"]
    assert mirror.left() == [f"datasets{name}" for name in inside]
    mirror.put(path, b"never read again")
    again = mirror.run(script, "maps")
    assert (again.returncode, "exists already" in again.stdout) == (0, True)
    assert mirror.left() == [f"datasets{name}" for name in inside]


def test_the_paired_and_the_unpaired_set_of_one_name_are_distinguished(mirror: Mirror) -> None:
    (mirror.place / "datasets/maps/train").mkdir(parents=True)
    ended = mirror.run(CYCLEGAN, "maps")
    assert (ended.returncode, "without trainA" in ended.stderr) == (1, True)
    assert mirror.run(PIX2PIX, "maps").returncode == 0


def test_an_archive_without_its_own_folder_keeps_everything(mirror: Mirror) -> None:
    mirror.put(ZIP, zip_of("trainA/1.jpg", "maps/2.jpg", "__MACOSX/._1.jpg"))
    assert mirror.run(CYCLEGAN, "maps").returncode == 0
    files = [path for path in mirror.left() if path.endswith("jpg")]
    assert files == ["datasets/maps/maps/2.jpg", "datasets/maps/trainA/1.jpg"]


@pytest.mark.parametrize(
    ("script", "path", "archive"),
    [(CYCLEGAN, ZIP, zip_of("maps/1.jpg")), (PIX2PIX, TAR, tar_of("maps/1.jpg"))],
)
def test_a_truncated_archive_leaves_nothing(
    mirror: Mirror, script: str, path: str, archive: bytes
) -> None:
    mirror.put(path, archive[: len(archive) * 2 // 3])
    mirror.refuses(script, "maps", "damaged or cut short")


@pytest.mark.parametrize("script", [CYCLEGAN, PIX2PIX])
def test_a_missing_file_leaves_nothing(mirror: Mirror, script: str) -> None:
    mirror.refuses(script, "maps", "could not be fetched")


def test_an_archive_may_not_leave_its_folder(mirror: Mirror) -> None:
    """tests/test_unpacking.py: all else that is refused."""
    mirror.put(ZIP, zip_of("maps/1.jpg", "maps/../../evil.jpg"))
    mirror.refuses(CYCLEGAN, "maps", "absolute paths or '..'")


def test_an_archive_may_not_hold_links(mirror: Mirror) -> None:
    mirror.put(TAR, tar_of("maps/1.jpg", link="maps/link"))
    mirror.refuses(PIX2PIX, "maps", "links or devices")


def test_a_model_is_saved_where_test_py_looks(mirror: Mirror) -> None:
    content = b"\x80\x02" + bytes(MODEL_BYTES)
    mirror.put(PTH, content)
    ended = mirror.run(PIX2PIX_MODEL, "sat2map")
    assert ended.returncode == 0, ended
    target = "checkpoints/sat2map_pretrained/latest_net_G.pth"
    assert mirror.left()[-1] == target
    assert (mirror.place / target).read_bytes() == content
    assert "exists already" in mirror.run(PIX2PIX_MODEL, "sat2map").stdout


def test_the_cyclegan_models_come_from_their_own_folder(mirror: Mirror) -> None:
    mirror.put("cyclegan/pretrained_models/style_monet.pth", b"\x80\x02" + bytes(MODEL_BYTES))
    assert mirror.run(CYCLEGAN_MODEL, "style_monet").returncode == 0
    assert (mirror.place / "checkpoints/style_monet_pretrained/latest_net_G.pth").exists()


def test_another_file_than_the_published_one_leaves_nothing(mirror: Mirror) -> None:
    mirror.put(ZIP, zip_of("maps/1.jpg"), trusted=False)
    mirror.refuses(CYCLEGAN, "maps", "published_checksums.txt")
    mirror.put(PTH, b"")
    mirror.refuses(PIX2PIX_MODEL, "sat2map", "is empty")


def test_other_checkpoints_survive_a_failed_download(mirror: Mirror) -> None:
    (mirror.place / "checkpoints" / "mine").mkdir(parents=True)
    assert mirror.run(PIX2PIX_MODEL, "sat2map").returncode == 1
    assert mirror.left() == ["checkpoints", "checkpoints/mine"]
