"""Archives that are not trusted."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from mirror import tar_of, zip_of

from datasets import unpacking
from datasets.unpacking import RefusedError, unpack


def unpacked(tmp_path: Path, archive: bytes, *, is_zip: bool) -> Path:
    (tmp_path / "archive").write_bytes(archive)
    unpack(tmp_path / "archive", tmp_path / "out", is_zip=is_zip)
    return tmp_path / "out"


def zip_with(name: str, mode: int, *, system: int = 3) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.create_system, entry.external_attr = system, mode << 16
        archive.writestr(entry, "/etc")
    return packed.getvalue()


def tar_with(kind: bytes, **fields: object) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("set/1.jpg")
        entry.type, entry.mode, entry.uid = kind, 0o7777, 1234
        for name, value in fields.items():
            setattr(entry, name, value)
        archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    return packed.getvalue()


@pytest.mark.parametrize(("archive", "is_zip"), [
    (zip_with("set/1.jpg", 0o107777), True), (zip_with("set/1.jpg", 0o100000), True),
    (tar_with(tarfile.REGTYPE), False),
], ids=["setuid zip", "zip without modes", "tar"])
def test_modes_of_the_archive_are_not_used(tmp_path: Path, archive: bytes, is_zip: bool) -> None:
    folder = unpacked(tmp_path, archive, is_zip=is_zip)
    (tmp_path / "plain").touch()
    expected = stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    assert stat.S_IMODE((folder / "set/1.jpg").stat().st_mode) == expected
    assert not (folder / "set").stat().st_mode & (stat.S_ISUID | stat.S_ISVTX)


@pytest.mark.parametrize("kind", [
    tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"V",
])
def test_a_tar_with_links_or_devices_is_refused(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(RefusedError, match="links or devices"):
        unpacked(tmp_path, tar_with(kind, linkname="/etc"), is_zip=False)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
@pytest.mark.parametrize("system", [0, 3])  # packed on DOS, on Unix
def test_a_zip_with_links_or_devices_is_refused(tmp_path: Path, kind: int, system: int) -> None:
    with pytest.raises(RefusedError, match="links or devices"):
        unpacked(tmp_path, zip_with("set/1.jpg", kind | 0o777, system=system), is_zip=True)


@pytest.mark.parametrize(("name", "message"), [
    ("../x", "absolute"), ("a/../../x", "absolute"), ("/x", "absolute"), ("..\\x", "absolute"),
    ("C:/x", "absolute"), ("a\n../x", "control"), ("a\n/x", "control"), ("a\x1b[31m", "control"),
])
def test_names_that_lead_out_or_break_lines_are_refused(
    tmp_path: Path, name: str, message: str
) -> None:
    with pytest.raises(RefusedError, match=message):
        unpacked(tmp_path, zip_of("set/1.jpg", name), is_zip=True)
    (tmp_path / "out/set/1.jpg").unlink()
    (tmp_path / "out/set").rmdir()
    (tmp_path / "out").rmdir()
    with pytest.raises(RefusedError, match=message):
        unpacked(tmp_path, tar_of("set/1.jpg", name), is_zip=False)


def test_what_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "MOST_SMALL", 100_000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("set/1.jpg", bytes(200_000))
    with pytest.raises(RefusedError, match="unpacks to more than 0 MB"):
        unpacked(tmp_path, packed.getvalue(), is_zip=True)
    assert (tmp_path / "out/set/1.jpg").stat().st_size < 200_000
    for number, bomb in enumerate((
        tar_with(tarfile.REGTYPE, size=200_000),
        tar_with(tarfile.XHDTYPE, size=200_000),  # headers are read before any content
        tar_with(tarfile.LNKTYPE, name="x" * 200_000),
    )):
        (tmp_path / str(number)).mkdir()
        with pytest.raises(RefusedError):
            unpacked(tmp_path / str(number), bomb, is_zip=False)


def test_a_header_that_fills_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "_LARGEST_HEADER", 2**16)
    archive = tar_with(tarfile.REGTYPE, name="x" * 2**17)
    with pytest.raises(RefusedError, match="holds a header of 131584 bytes"):
        unpacked(tmp_path, archive, is_zip=False)


@pytest.mark.parametrize(("names", "message"), [
    (("a/1", "a/1"), "holds 'a/1' twice"), (("a", "a/1"), "holds 'a/1' twice"),
    (("a/1", "a"), "holds 'a' twice"), ((), "holds no files"), (("a/",), "holds no files"),
])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_archives_that_contradict_themselves_are_refused(
    tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(RefusedError, match=message):
        unpacked(tmp_path, zip_of(*names), is_zip=True)


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 0.98])
def test_damage_anywhere_is_found(tmp_path: Path, is_zip: bool, part: float) -> None:
    archive = bytearray(zip_of("a/1", "a/2") if is_zip else tar_of("a/1", "a/2"))
    with pytest.raises(RefusedError, match="damaged"):
        unpacked(tmp_path, bytes(archive[: round(part * len(archive))]), is_zip=is_zip)


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    for is_zip, archive, place in ((True, zip_of("a/1"), 60), (False, tar_of("a/1"), -5)):
        changed = bytearray(archive)
        changed[place] ^= 1
        (tmp_path / str(is_zip)).mkdir()
        with pytest.raises(RefusedError, match="damaged or cut short"):
            unpacked(tmp_path / str(is_zip), bytes(changed), is_zip=is_zip)
