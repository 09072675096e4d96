"""Files of npm packages, which the npm client downloads; their checksum is known."""

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

FileContents = dict[str, bytes]  # path below the folder of the files -> content


@dataclass(frozen=True)
class NpmFiles:
    """``packages``: package@version -> {path in the package: path of ours}. A path with / at its
    end is a folder with all of its content.

    ``digest`` is the checksum of all files. ``purpose`` ("the files of ...") and ``advice`` (what
    to do if npm fails) are parts of error messages.
    """

    packages: Mapping[str, Mapping[str, str]]
    digest: str
    purpose: str
    advice: str

    def fetch(self, *, seconds: float = 300) -> FileContents:
        """Download the files by the npm client, which verifies the packages.

        Raises:
            FileNotFoundError: npm is not installed.
            ConnectionError: npm fails, or takes longer than ``seconds``.
            ValueError: npm delivers unknown files.
        """
        if not (npm := shutil.which("npm")):
            raise FileNotFoundError(f"{self.purpose} are missing, and npm, which would fetch them, "
                                    f"is not installed; install Node.js, or {self.advice}")
        timeouts = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=20000"]
        command = [npm, "pack", "--ignore-scripts", "--loglevel=error", *timeouts, *self.packages]
        files: FileContents = {}
        with tempfile.TemporaryDirectory() as folder:
            reason = ""
            try:
                ended = subprocess.run(command, cwd=folder, capture_output=True, text=True,
                                       timeout=seconds)
                if ended.returncode:
                    code = re.search(r"npm error code (\S+)", ended.stderr)
                    reason = code[1] if code else "npm gives no reason"
            except subprocess.TimeoutExpired:
                reason = f"not within {seconds:.0f} seconds"
            if reason:
                raise ConnectionError(f"npm cannot fetch {self.purpose} ({reason}); is there a "
                                      f"network? Without one, {self.advice}")
            for package, wanted in self.packages.items():
                files |= from_archive(Path(folder) / f"{package.replace('@', '-')}.tgz", wanted)
        return self.require_known(files, "npm")

    def require_known(self, files: FileContents, source: str) -> FileContents:
        """Return the files. Raises ValueError if their digest is another."""
        if (found := digest(files)) != self.digest:
            raise ValueError(f"{source} holds other files ({len(files)}, digest {found[:12]}) than "
                             f"{self.purpose} (digest {self.digest[:12]}): not used; {self.advice}")
        return files

    def read(self, folder: Path) -> FileContents | None:
        """Return the files in the folder, None if they are not exactly these."""
        files = read_folder(folder)
        return files if digest(files) == self.digest else None


def cache_folder(name: str) -> Path:
    """Return a folder in the user's cache, which survives the deletion of a Python environment."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "image-to-image-gan" / name


def from_archive(archive: Path, wanted: Mapping[str, str]) -> FileContents:
    """Return the wanted files of an archive that `npm pack` wrote."""
    chosen: FileContents = {}
    for name, content in members(archive):
        inner = name.partition("/")[2]  # npm puts everything into one folder
        for source, target in wanted.items():
            if inner == source or (source.endswith("/") and inner.startswith(source)):
                chosen[target + inner.removeprefix(source)] = content
    return chosen


def read_folder(folder: Path) -> FileContents:
    paths = (path for path in folder.rglob("[!.]*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def write(files: FileContents, folder: Path) -> None:
    """Write the files below a folder; ``NpmFiles.read`` detects a write that was interrupted."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def digest(files: FileContents) -> str:
    """Return the SHA-256 over names and contents."""
    total = hashlib.sha256()
    for name, content in sorted(files.items()):
        total.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
    return total.hexdigest()


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of the files in an archive, without unpacking them to disk.

    Raises:
        ValueError: a path that leads out of the folder, or a file that is too large.
    """
    with tarfile.open(path) as archive:
        for member in archive:
            parts = PurePosixPath(member.name)
            if parts.is_absolute() or ".." in parts.parts or "\\" in member.name:
                raise ValueError(f"{path} holds {member.name!r}, which leads out of it: not used")
            if member.size > _LIMIT_BYTES:
                raise ValueError(f"{path} holds {member.name!r} of {member.size:,} bytes: not used")
            if member.isfile() and (file := archive.extractfile(member)):
                yield member.name, file.read()
