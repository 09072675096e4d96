"""Find the files that the cells of a list name, also in the spelling of another system."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PureWindowsPath
from unicodedata import normalize
from urllib.parse import unquote

from data.discovery.folders import EXTENSIONS, is_picture, way_out
from data.discovery.stacks import group_by_stem, missing, stacked_source, stem_of, without_suffix
from data.files.source import Source
from util.disk.file_names import without_extension
from util.files import fault_of


@dataclass(frozen=True)
class Finder:
    """Finds the file, or the stack of files, that one cell of the list names.

    Accents are compared in Unicode form NFC. Another letter case is accepted if only one file fits,
    and a backslash as separator. An absolute path that does not exist is searched below ``bases``
    by its last parts, because it may come from another computer.
    """

    bases: tuple[Path, ...]  # folders for relative paths; the first that has the file counts
    moved: dict[str, str] = field(default_factory=dict)  # start of absolute paths -> base
    _origins: dict[Path, str] = field(default_factory=dict)  # moved file -> its cell
    _names: dict[Path, dict[str, list[str]]] = field(default_factory=dict)
    _stacks: dict[object, dict[str, dict[str, Path]]] = field(default_factory=dict)

    def __call__(self, cell: str, suffixes: Sequence[str] = ()) -> Source | str:
        """Return the source, or a text that says what is wrong with the cell."""
        if not cell:
            return "is empty"
        if "://" in cell and not cell.lower().startswith("file:"):
            return f"{cell} is an address; download the files, and list their paths"
        wanted = tuple(suffixes) or ("",)
        found: dict[str, Path] = {}
        for base, parts, start in self._places(cell):
            files = self._files(base, parts, suffixes)
            if len(files) == len(wanted) and (suffixes or is_picture(files[""])):
                if fault := self._note_move(start, base, files[wanted[0]], cell):
                    return fault
                return stacked_source(files, wanted)
            found = found or files
        if found and suffixes:
            return f"{cell}: {missing(found, wanted)}"
        if found:
            return (f"{cell} has an unknown format{way_out(Path(cell).suffix)}; known are "
                    f"{' '.join(EXTENSIONS)}")
        if any(_passes(Path.is_dir, base / cell) for base in self.bases):
            return f"{cell} is a folder; list the images in it"
        odd = [base / cell for base in self.bases if _passes(Path.exists, base / cell)
               or _passes(Path.is_symlink, base / cell)]
        if odd:
            return f"{cell} {fault_of(odd[0])}"
        absolute = ", nor does the end of this path" if _spellings(cell)[-1].anchor else ""
        folders = " or in ".join(dict.fromkeys(map(str, self.bases)))
        return f"{cell} does not exist{absolute} in {folders}"

    def _places(self, cell: str) -> Iterator[tuple[Path, Sequence[str], str]]:
        """Yield (base, parts below it, start of an absolute path that the base replaces)."""
        bases = dict.fromkeys(self.bases)
        for path in _spellings(cell):
            if not path.anchor:
                yield from ((base, path.parts, "") for base in bases)
                continue
            parts = path.parts[1:]
            if isinstance(path, Path):
                yield Path(path.anchor), parts, ""
            for first in range(len(parts)):
                start = str(type(path)(path.anchor, *parts[:first]))
                yield from ((base, parts[first:], start) for base in bases)

    def _note_move(self, start: str, base: Path, file: Path, cell: str) -> str:
        """Return a text if the file of another cell was moved to the same place."""
        if not start:
            return ""
        other = self._origins.setdefault(file, cell)
        if other != cell:
            return f"{cell} and {other} would both be {file}; list paths relative to {base}"
        self.moved[start] = str(base)
        return ""

    def _files(
        self, base: Path, parts: Sequence[str], suffixes: Sequence[str]
    ) -> dict[str, Path]:
        folder = base
        for part in parts[:-1]:
            folder = self._entry(folder, part)
        if not parts or not _passes(Path.is_dir, folder):
            return {}
        if not suffixes:
            file = self._entry(folder, parts[-1])
            return {"": file} if _passes(Path.is_file, file) else {}
        key = folder, tuple(suffixes)
        if key not in self._stacks:
            images = [file for file in sorted(folder.iterdir()) if is_picture(file)]
            self._stacks[key], _ = group_by_stem(images, suffixes)
        path = folder / parts[-1]
        path = without_extension(path) if is_picture(path) else path
        name = without_suffix(path.name, suffixes)
        return self._stacks[key].get(stem_of(folder, name), {})

    def _entry(self, folder: Path, name: str) -> Path:
        """Return the existing file or folder with a similar name, if there is only one."""
        path = folder / name
        if _passes(Path.exists, path) or not _passes(Path.is_dir, folder):
            return path
        if folder not in self._names:
            names: dict[str, list[str]] = {}
            for entry in folder.iterdir() if os.access(folder, os.R_OK) else ():
                names.setdefault(normalize("NFC", entry.name).casefold(), []).append(entry.name)
            self._names[folder] = names
        composed = normalize("NFC", name)
        similar = self._names[folder].get(composed.casefold(), [])
        exact = [entry for entry in similar if normalize("NFC", entry) == composed]
        for entries in (exact, similar):
            if len(entries) == 1:
                return folder / entries[0]
        return path


def _passes(test: Callable[[Path], bool], path: Path) -> bool:
    """Return False also for paths that the system refuses: forbidden, too long, with a NUL."""
    try:
        return test(path)
    except (OSError, ValueError):
        return False


def _spellings(cell: str) -> list[PurePath]:
    """Return the path as this system reads it, and if it looks like one of Windows, as that."""
    if cell.lower().startswith("file:"):
        cell = "/" + unquote(cell[5:]).removeprefix("//localhost").lstrip("/")
        cell = cell[1:] if PureWindowsPath(cell[1:]).drive else cell
    path = Path(cell).expanduser() if cell.startswith(("~/", "~\\")) else Path(cell)
    windows = PureWindowsPath(cell)
    return [path, windows] if windows.drive or "\\" in cell else [path]
