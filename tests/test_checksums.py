"""Checksums of downloads: published, and recorded at the first download."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from mirror import ROOT, zip_of

from datasets.accept_download import main
from datasets.checksums import ACCEPT, PUBLISHED, measure, published

UNKNOWN = "cyclegan/datasets/mini.zip"  # nothing is published about it
KNOWN = "cyclegan/datasets/horse2zebra.zip"
WEIGHTS = "pix2pix/models-pytorch/map2sat.pth"
TORCH_BYTES = 1_200_000


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(ACCEPT, raising=False)
    for name in ("datasets", "checkpoints"):
        (tmp_path / name).mkdir()
    return tmp_path


def accept(kind: str, source: str, content: bytes, target: str) -> None:
    partial = Path(target.split("/")[0], "x.partial")
    partial.write_bytes(content)
    main([kind, source, str(partial), target])


def refused(kind: str, source: str, content: bytes, target: str) -> str:
    with pytest.raises(SystemExit) as fault:
        accept(kind, source, content, target)
    return str(fault.value.code)


def test_the_table_names_files_that_the_scripts_fetch() -> None:
    scripts = [*ROOT.glob("datasets/download_*.sh"), *ROOT.glob("scripts/download_*.sh")]
    texts = [script.read_text() for script in scripts]
    lines = [line.split() for line in PUBLISHED.read_text().splitlines() if line[0] != "#"]
    for source, size, checksum in lines:
        folder, name = source.rsplit("/", 1)
        word = re.compile(rf"(?<![\w-]){name.split('.')[0]}(?![\w-])")
        assert any(folder in text and word.search(text) for text in texts), source
        assert size.isdigit() or size == "-"
        assert re.fullmatch(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}|-", checksum)
        assert published(source) is not None
    assert len(lines) == len({line[0] for line in lines}) == 16
    assert published("cyclegan/datasets/horse2zebra") is None


def test_another_file_than_the_published_one_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = zip_of("horse2zebra/trainA/1.jpg")
    found = hashlib.sha256(content).hexdigest()
    message = refused("data", KNOWN, content, "datasets/horse2zebra")
    for part in (found, "116867962 bytes (111 MB), sha256 a74d9d39", f"{len(content)} bytes",
                 "I2I_MIRROR", f"set {ACCEPT}={found}"):
        assert part in message
    assert [path.name for path in place.glob("datasets/*")] == ["x.partial"]
    monkeypatch.setenv(ACCEPT, found)  # the advice
    accept("data", KNOWN, content, "datasets/horse2zebra")
    assert (place / "datasets/horse2zebra/trainA/1.jpg").exists()


def test_a_second_download_is_compared_with_the_first(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = zip_of("mini/1.jpg"), zip_of("mini/2.jpg")
    accept("data", UNKNOWN, first, "datasets/mini")
    sums = [hashlib.sha256(content).hexdigest() for content in (first, second)]
    record = place / "datasets/downloads.json"
    assert json.loads(record.read_text()) == {UNKNOWN: {"bytes": len(first), "sha256": sums[0]}}
    (place / "datasets/mini").rename(place / "datasets/old")
    message = refused("data", UNKNOWN, second, "datasets/mini")
    assert all(part in message for part in (*sums, "datasets/downloads.json"))
    assert not (place / "datasets/mini").exists()
    accept("data", UNKNOWN, first, "datasets/mini")
    (place / "datasets/mini").rename(place / "datasets/older")
    monkeypatch.setenv(ACCEPT, sums[1])
    accept("data", UNKNOWN, second, "datasets/mini")
    assert json.loads(record.read_text())[UNKNOWN]["sha256"] == sums[1]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 5}', '{"a": {"bytes": "x"}}', "[" * 9999])
def test_a_damaged_record_is_named(place: Path, text: str) -> None:
    (place / "datasets/downloads.json").write_text(text)
    message = refused("data", UNKNOWN, zip_of("mini/1.jpg"), "datasets/mini")
    assert "datasets/downloads.json is damaged" in message
    assert "delete the file" in message


def test_weights_in_place_are_compared_when_the_script_runs_again(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, target = b"\x80\x02" + bytes(TORCH_BYTES), "checkpoints/map2sat_pretrained/G.pth"
    accept("weights", WEIGHTS, content, target)
    assert capsys.readouterr().out == f"{target}: 1200002 bytes\n"
    main(["weights", WEIGHTS, "missing", target])
    assert "exists already" in capsys.readouterr().out
    (place / target).write_bytes(content[:-1])
    with pytest.raises(SystemExit, match="remove it to fetch it again"):
        main(["weights", WEIGHTS, "missing", target])


def test_published_sizes_and_md5_count_too(place: Path) -> None:
    torch_file = b"\x80\x02" + bytes(TORCH_BYTES)
    assert "217704720 bytes" in refused(
        "weights", "pix2pix/models-pytorch/sat2map.pth", torch_file, "checkpoints/s/G.pth")
    message = refused("data", "cyclegan/datasets/ae_photos.zip", b"x", "datasets/ae_photos")
    assert "md5 93831625466b64eaeba58babc52d70f9" in message
    assert measure(place / "datasets/x.partial").sums["md5"] in message


@pytest.mark.parametrize(("content", "message"), [
    (b"<html>" + bytes(TORCH_BYTES), "not a file of torch.save"),
    (b"\x80\x02" + bytes(999), "only 1001 bytes"),
    (zip_of("data.pkl", content=bytes(TORCH_BYTES))[:-9999], "damaged or cut short"),
    (b"PK" + bytes(TORCH_BYTES), "damaged or cut short"),
])
def test_what_is_no_intact_torch_file_is_refused(
    place: Path, content: bytes, message: str
) -> None:
    assert message in refused("weights", WEIGHTS, content, "checkpoints/s/G.pth")
    torch_file = zip_of("data.pkl", content=bytes(TORCH_BYTES))
    accept("weights", WEIGHTS, torch_file, "checkpoints/s/G.pth")
