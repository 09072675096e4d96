"""The download scripts with other programs: wget, none, a stalled server, an endless file."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from mirror import Mirror, serving, zip_of

CYCLEGAN = "datasets/download_cyclegan_dataset.sh"
ZIP = "cyclegan/datasets/maps.zip"
TOOLS = ("bash", "dirname", "mkdir", "rm", "rmdir")

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


def test_a_download_without_end_is_stopped(
    mirror: Mirror, tmp_path: Path
) -> None:
    """The real limit is larger than any published file; here the file may have 1 KiB."""
    lower = 'ulimit() { builtin ulimit "$1" 1; }; export -f ulimit'
    mirror.environment["BASH_ENV"] = str(tmp_path / "env.sh")
    (tmp_path / "env.sh").write_text(lower)
    mirror.put(ZIP, zip_of("maps/1.jpg", content=bytes(9999)))
    mirror.refuses(CYCLEGAN, "maps", "could not be fetched")


def test_without_curl_and_wget_both_are_named(mirror: Mirror, tmp_path: Path) -> None:
    mirror.environment["PATH"] = only_tools(tmp_path / "bin", *TOOLS)
    mirror.refuses(CYCLEGAN, "maps", "neither curl nor wget")
