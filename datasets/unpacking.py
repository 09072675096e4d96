"""Unpack an archive that is not trusted: regular files and folders, and nothing else.

Modes, owners and times of the archive are not used, so no file gets a setuid, setgid or sticky bit.
"""

import gzip
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TypeVar

from util.text import format_bytes

T = TypeVar("T")

# Archives of images hardly shrink: the published ones unpack to about their own size.
MOST_GROWTH = 10  # times the size of the archive
MOST_SMALL = 64 * 2**20  # bytes that an archive of any size may unpack to
MOST_ENTRIES = 1_000_000  # edges2handbags holds 139 thousand
_BLOCK = 2**20  # bytes
_LARGEST_HEADER = 2**24  # bytes; tarfile reads a header of any length at once
_OUTSIDE = re.compile(r"(^|[/\\])\.\.([/\\]|$)|^[/\\]|^[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SKIPPED = "__MACOSX"  # resource forks, not images


class RefusedError(ValueError):
    """An archive is not unpacked; the message continues "the archive of NAME ..."."""


@dataclass(frozen=True)
class _Entry:
    """``name`` uses /; ``is_special``: neither a regular file nor a folder."""

    name: str
    is_folder: bool
    is_special: bool
    open: Callable[[], IO[bytes] | None]


class _Budget:
    """Count the bytes of an archive of ``size`` bytes, and refuse too many."""

    def __init__(self, size: int) -> None:
        self._most = MOST_GROWTH * size + MOST_SMALL
        self._used = 0

    def use(self, count: int) -> None:
        self._used += count
        if self._used > self._most:
            raise RefusedError(f"unpacks to more than {format_bytes(self._most)}; not unpacked")


class _BoundedGzip(gzip.GzipFile):
    """A decompressed stream with a budget for headers and skipped content, too."""

    def __init__(self, archive: Path, budget: _Budget) -> None:
        self._left = budget
        super().__init__(archive, "rb")

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _LARGEST_HEADER:
            raise RefusedError(f"holds a header of {size} bytes; not unpacked")
        self._left.use(size)
        return super().read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        while whence == 0 and self.tell() < offset:
            if not self.read(min(_BLOCK, offset - self.tell())):
                break
        return super().seek(offset, whence)


def unpack(archive: Path, folder: Path, *, is_zip: bool) -> None:
    """Unpack a .zip or .tar.gz to a new folder.

    Raises:
        RefusedError: the archive is damaged, leads out of the folder, unpacks to too much, or holds
            links, devices or a name twice.
        OSError: the folder could not be written.
    """
    size = archive.stat().st_size
    written = _Budget(size)
    entries = _zip_entries(archive) if is_zip else _tar_entries(archive, _Budget(size))
    folder.mkdir()
    for count, entry in enumerate(_until_damage(entries), start=1):
        if count > MOST_ENTRIES:
            raise RefusedError(f"holds more than {MOST_ENTRIES} entries; not unpacked")
        _require_safe(entry)
        if entry.name.split("/")[0] != _SKIPPED:
            _unpack_one(entry, folder / entry.name, written)
    if not any(path.is_file() for path in folder.rglob("*")):
        raise RefusedError("is damaged or holds no files; not unpacked")


def _require_safe(entry: _Entry) -> None:
    for found, what in (
        (_OUTSIDE.search(entry.name), "absolute paths or '..'"),
        (entry.is_special, "links or devices"),
        (_CONTROL.search(entry.name), "a name with control characters"),
    ):
        if found:
            raise RefusedError(f"holds {what} ({entry.name!r}); not unpacked")


def _unpack_one(entry: _Entry, path: Path, written: _Budget) -> None:
    try:
        (path if entry.is_folder else path.parent).mkdir(parents=True, exist_ok=True)
        if not entry.is_folder:
            with path.open("xb") as file:
                for block in _until_damage(_blocks(entry)):
                    written.use(len(block))
                    file.write(block)
    except (FileExistsError, NotADirectoryError) as error:
        raise RefusedError(f"holds {entry.name!r} twice; not unpacked") from error


def _zip_entries(archive: Path) -> Iterator[_Entry]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)  # 0: packed by a system without modes
            special = kind not in (0, stat.S_IFREG, stat.S_IFDIR)
            yield _Entry(info.filename, info.is_dir(), special, partial(file.open, info))


def _tar_entries(archive: Path, budget: _Budget) -> Iterator[_Entry]:
    with _BoundedGzip(archive, budget) as stream:
        with tarfile.open(fileobj=stream, mode="r:") as file:
            for member in file:
                special = not (member.isreg() or member.isdir())
                content = partial(file.extractfile, member)
                yield _Entry(member.name, member.isdir(), special, content)
        while stream.read(_BLOCK):  # to the checksum at the end
            pass


def _blocks(entry: _Entry) -> Iterator[bytes]:
    if file := entry.open():
        with file:
            while block := file.read(_BLOCK):
                yield block


def _until_damage(items: Iterator[T]) -> Iterator[T]:
    """Yield the items; whatever the decoders raise becomes a RefusedError."""
    while True:
        try:
            item = next(items)
        except StopIteration:
            return
        except RefusedError:
            raise
        except Exception as error:  # the decoders document none of what they raise
            raise RefusedError(f"is damaged or cut short ({error}); try again") from error
        yield item
