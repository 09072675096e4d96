"""Files out of npm packages: fetched by the npm client, chosen, and known by their checksum."""

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_LIMIT_BYTES = 50_000_000  # of one file

Files = dict[str, bytes]  # path below the folder they are kept in -> content


@dataclass(frozen=True)
class Wanted:
    """``packages``: package@version -> {path in it: path of ours}; a path with / at its end is a
    folder with all that is in it. ``purpose`` and ``advice`` are parts of errors: "the files of
    ...", and what to do where npm cannot help.
    """

    packages: Mapping[str, Mapping[str, str]]
    purpose: str
    advice: str


def cache_folder(name: str) -> Path:
    """In the user's cache, so that a new environment need not fetch the files again."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "image-to-image-gan" / name


def fetch(wanted: Wanted, *, seconds: float = 300) -> Files:
    """Fetch the packages by the npm client, which verifies what it downloads; take what is needed.

    Raises:
        FileNotFoundError: npm is not installed.
        ConnectionError: npm fails, or takes longer than ``seconds``.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError(
            f"{wanted.purpose} are not here, and npm, which would fetch them, is not installed; "
            f"install Node.js, or {wanted.advice}"
        )
    patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=20000"]
    command = [npm, "pack", "--ignore-scripts", "--loglevel=error", *patience, *wanted.packages]
    files: Files = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            ended = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            raise ConnectionError(
                f"npm did not fetch {wanted.purpose} within {seconds:.0f} seconds; is there a "
                f"network? Without one, {wanted.advice}"
            ) from None
        if ended.returncode:
            raise ConnectionError(
                f"npm cannot fetch {wanted.purpose} ({_npm_reason(ended.stderr)}); is there a "
                f"network? Without one, {wanted.advice}"
            )
        for package, chosen in wanted.packages.items():
            archive = Path(folder) / f"{package.replace('@', '-')}.tgz"
            files |= from_archive(archive, chosen)
    return files


def from_archive(archive: Path, wanted: Mapping[str, str]) -> Files:
    """What is wanted of an archive that `npm pack` wrote."""
    chosen: Files = {}
    with tarfile.open(archive) as opened:
        for name, content in members(opened, archive):
            inner = name.partition("/")[2]  # npm puts everything into one folder
            for source, target in wanted.items():
                if inner == source:
                    chosen[target] = content
                elif source.endswith("/") and inner.startswith(source):
                    chosen[target + inner.removeprefix(source)] = content
    return chosen


def read_folder(folder: Path) -> Files:
    paths = (path for path in folder.rglob("[!.]*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def write(files: Files, folder: Path) -> None:
    """Write the files below a folder, which may be torn if the program ends meanwhile."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def digest(files: Files) -> str:
    """SHA-256 over names and contents."""
    total = hashlib.sha256()
    for name, content in sorted(files.items()):
        total.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
    return total.hexdigest()


def require_known(files: Files, known: str, *, source: str, wanted: Wanted) -> Files:
    """The files themselves. Raises ValueError: their digest is not ``known``."""
    if digest(files) != known:
        raise ValueError(
            f"{source} holds other files ({len(files)}, digest {digest(files)[:12]}) than "
            f"{wanted.purpose} (digest {known[:12]}): not used; {wanted.advice}"
        )
    return files


def members(archive: tarfile.TarFile, path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files. Nothing is unpacked to disk.

    Raises:
        ValueError: one would leave the folder, or is too large.
    """
    for member in archive:
        parts = PurePosixPath(member.name)
        if parts.is_absolute() or ".." in parts.parts or "\\" in member.name:
            raise ValueError(f"{path} holds {member.name!r}, which leads out of it: not used")
        if member.size > _LIMIT_BYTES:
            raise ValueError(f"{path} holds {member.name!r} of {member.size:,} bytes: not used")
        if member.isfile() and (file := archive.extractfile(member)):
            yield member.name, file.read()


def _npm_reason(stderr: str) -> str:
    code = re.search(r"npm error code (\S+)", stderr)
    return code[1] if code else "it gives no reason"
