"""The download scripts with other programs: wget, none, a stalled server, a failing unzip."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from mirror import Mirror, serving, tar_of, zip_of

CYCLEGAN = "datasets/download_cyclegan_dataset.sh"
PIX2PIX = "datasets/download_pix2pix_dataset.sh"
ZIP, TAR = "cyclegan/datasets/maps.zip", "pix2pix/datasets/maps.tar.gz"
TOOLS = (
    *("bash", "cat", "dirname", "find", "grep", "gzip", "head", "ls", "mkdir", "mv", "od"),
    *("rm", "rmdir", "tar", "tr", "unzip", "wc"),
)

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    with serving(tmp_path) as running:
        yield running


def only_tools(folder: Path, *names: str) -> str:
    """Return a PATH that contains only the programs ``names``."""
    folder.mkdir()
    for name in names:
        program = shutil.which(name)
        if program is None:
            pytest.skip(f"{name} is not installed")
        (folder / name).symlink_to(program)
    return str(folder)


def test_wget_is_used_without_curl(mirror: Mirror, tmp_path: Path) -> None:
    mirror.environment["PATH"] = only_tools(tmp_path / "bin", *TOOLS, "wget")
    mirror.refuses(CYCLEGAN, "maps", "could not be fetched")
    mirror.put(ZIP, zip_of("maps/1.jpg"))
    assert mirror.run(CYCLEGAN, "maps").returncode == 0
    assert "datasets/maps/1.jpg" in mirror.left()


def stand_in(folder: Path, name: str, body: str) -> str:
    """Return a PATH on which ``name`` is a script with this body; other programs stay."""
    folder.mkdir()
    (folder / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
    (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.mark.parametrize(("url", "protocols"), [
    ("https://mirror.invalid", "=https"), ("http://mirror.invalid", "=http,https"),
])
def test_curl_gives_up_on_a_stalled_server_and_never_leaves_https(
    mirror: Mirror, tmp_path: Path, url: str, protocols: str
) -> None:
    log = tmp_path / "arguments"
    mirror.environment["PATH"] = stand_in(tmp_path / "bin", "curl", f'echo "$@" >{log}; exit 28')
    mirror.environment["I2I_MIRROR"] = url
    mirror.refuses(CYCLEGAN, "maps", "could not be fetched (code 28)")
    arguments = log.read_text()
    assert "--speed-limit 1000 --speed-time 60" in arguments
    assert f"--proto {protocols} " in arguments


@pytest.mark.parametrize(("url", "redirects"), [
    ("https://mirror.invalid", 0), ("http://mirror.invalid", 20),
])
def test_wget_gives_up_on_a_stalled_server_and_never_leaves_https(
    mirror: Mirror, tmp_path: Path, url: str, redirects: int
) -> None:
    log = tmp_path / "arguments"
    stand_in(tmp_path / "fake", "wget", f'echo "$@" >{log}; exit 4')
    mirror.environment["PATH"] = f"{only_tools(tmp_path / 'bin', *TOOLS, 'env')}:{tmp_path}/fake"
    mirror.environment["I2I_MIRROR"] = url
    mirror.refuses(CYCLEGAN, "maps", "could not be fetched (code 4)")
    assert f"--timeout=30 --max-redirect={redirects} " in log.read_text()


@pytest.mark.parametrize(("script", "path", "archive", "tool", "listing"), [
    (CYCLEGAN, ZIP, zip_of("maps/1.jpg"), "unzip", "-Z1"),
    (CYCLEGAN, ZIP, zip_of("maps/1.jpg"), "unzip", "-Z"),
    (PIX2PIX, TAR, tar_of("maps/1.jpg"), "tar", "-tvzf"),
])
def test_an_archive_whose_entries_cannot_be_listed_is_not_unpacked(
    mirror: Mirror, tmp_path: Path, script: str, path: str, archive: bytes, tool: str, listing: str
) -> None:
    mirror.put(path, archive)
    body = f'[[ $1 != {listing} ]] || exit 11\nexec {shutil.which(tool)} "$@"'
    mirror.environment["PATH"] = stand_in(tmp_path / "bin", tool, body)
    mirror.refuses(script, "maps", "cannot be listed" if tool == "unzip" else "damaged")


def test_without_curl_and_wget_both_are_named(mirror: Mirror, tmp_path: Path) -> None:
    mirror.environment["PATH"] = only_tools(tmp_path / "bin", *TOOLS)
    mirror.refuses(CYCLEGAN, "maps", "neither curl nor wget")
