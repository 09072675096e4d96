"""Read a list of pairs: a table with one line ``A,B`` or ``A,B,phase`` per pair."""

import csv
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data.discovery.folders import EXTENSIONS, is_picture, way_out
from data.discovery.stacks import group_by_stem, missing, stacked_source, stem_of, without_suffix
from data.files.source import Pair, Source
from util.text import listing

log = logging.getLogger(__name__)
# Possible delimiters of the columns: the first one that is in the first line counts.
DELIMITERS = {".csv": (",", ";", "\t"), ".tsv": ("\t",)}
OTHERWISE = ("\t", ",", ";")
FORMAT = "wanted lines A,B or A,B,phase with paths of images; a header has exactly these names"
POSITIONS = ({"a": 0, "b": 1}, {"a": 0, "b": 1, "phase": 2})  # for two columns, for three


@dataclass(frozen=True)
class ListedPair:
    line: int
    A: str
    B: str
    phase: str | None  # None: the list has no column for it


@dataclass(frozen=True)
class Finder:
    """Finds the file, or the stack of files, that one cell of the list names."""

    bases: tuple[Path, ...]  # folders for relative paths; the first that has the file counts
    suffixes: Sequence[str] = ()
    _stacks: dict[Path, dict[str, dict[str, Path]]] = field(default_factory=dict)

    def __call__(self, cell: str) -> Source | str:
        """Return the source, or a text that says what is wrong with the cell."""
        if not cell:
            return "is empty"
        if is_picture(Path(cell)) or self.suffixes:
            wanted = self.suffixes or ("",)
            found: dict[str, Path] = {}
            for base in dict.fromkeys(self.bases):
                parts = self._parts(base / cell)
                if len(parts) == len(wanted):
                    return stacked_source(parts, wanted)
                found = found or parts
            if found:
                return f"{cell}: {missing(found, wanted)}"
        elif any((base / cell).is_file() for base in self.bases):
            return (f"{cell} has an unknown format{way_out(Path(cell).suffix)}; known are "
                    f"{' '.join(EXTENSIONS)}")
        folders = " or in ".join(dict.fromkeys(map(str, self.bases)))
        return f"{cell} does not exist" + ("" if Path(cell).is_absolute() else f" in {folders}")

    def _parts(self, path: Path) -> dict[str, Path]:
        if not self.suffixes:
            return {"": path} if path.is_file() else {}
        folder = path.parent
        if folder not in self._stacks:
            files = sorted(folder.iterdir()) if folder.is_dir() else []
            images = [file for file in files if is_picture(file)]
            self._stacks[folder], _ = group_by_stem(images, self.suffixes)
        name = without_suffix(path.stem if is_picture(path) else path.name, self.suffixes)
        return self._stacks[folder].get(stem_of(folder, name), {})


def read_list(
    file: Path, *, dataroot: Path, phase: str, suffixes_A: Sequence[str] = (),
    suffixes_B: Sequence[str] = (), allow_unpaired: bool = False,
) -> tuple[list[Pair], int]:
    """Return the pairs of ``phase`` in the order of the list, and the number of dropped lines.

    ``file`` may be relative to ``dataroot``. Paths in it are absolute, or relative to its folder or
    to ``dataroot``. With suffixes, a cell names the stem of a stack or any of its files. A list
    without a column ``phase`` is valid for every phase. A header ``A,B`` or ``A,B,phase``, in any
    order, is optional. Empty lines and lines that begin with # are ignored.

    Raises:
        FileNotFoundError: the list does not exist, or names files that do not exist (their lines
            are dropped with ``allow_unpaired``).
        ValueError: it cannot be read, or holds no pair of ``phase``.
    """
    file = _located(file, dataroot)
    rows = _rows_of_phase(file, phase)
    bases = (file.parent, dataroot)
    find_A, find_B = Finder(bases, suffixes_A), Finder(bases, suffixes_B)
    pairs, faults = [], []
    for row in rows:
        A, B = find_A(row.A), find_B(row.B)
        if isinstance(A, Source) and isinstance(B, Source):
            pairs.append(Pair(A, B))
        else:
            texts = [f"{side} {it}" for side, it in (("A", A), ("B", B)) if isinstance(it, str)]
            faults.append(f"line {row.line}: {', '.join(texts)}")
    if faults and not (allow_unpaired and pairs):
        skip = ", or drop these lines with --allow_unpaired" if pairs else ""
        raise FileNotFoundError(f"{file} lists {len(faults)} incomplete pairs and {len(pairs)} "
                                f"complete pairs; correct the list{skip} ({FORMAT}):\n"
                                f"{listing(faults)}")
    if faults:
        log.warning("%s: dropped %d lines:\n%s", file, len(faults), listing(faults))
    return pairs, len(faults)


def phases_in(file: Path, dataroot: Path) -> list[str]:
    """Return the phases of ``file`` in its order; [""] if it has no column for them.

    Raises:
        FileNotFoundError, ValueError: as ``read_list``.
    """
    return list(dict.fromkeys(row.phase or "" for row in _all_rows(_located(file, dataroot))))


def _rows_of_phase(file: Path, phase: str) -> list[ListedPair]:
    rows = _all_rows(file)
    chosen = [row for row in rows if row.phase in (None, phase)]
    if not chosen:
        phases = Counter(row.phase for row in rows)
        counts = ", ".join(f"{name} ({count})" for name, count in phases.items())
        raise ValueError(f"{file} lists no pairs of --phase {phase}; it has {counts}")
    return chosen


def _located(file: Path, dataroot: Path) -> Path:
    candidates = (file, dataroot / file)
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    paths = " and ".join(dict.fromkeys(str(candidate.absolute()) for candidate in candidates))
    raise FileNotFoundError(f"--pairs {file} is no file, looked for {paths}; check the path, or "
                            "leave --pairs out")


def _all_rows(file: Path) -> list[ListedPair]:
    try:
        rows = list(_rows(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"--pairs {file} cannot be read ({error}); save it as UTF-8") from error
    if not rows:
        raise ValueError(f"{file} lists no pairs; {FORMAT}")
    return rows


def _rows(file: Path) -> Iterator[ListedPair]:
    with file.open(encoding="utf-8-sig") as text:  # spreadsheets write a byte order mark
        lines = [(number, line) for number, line in enumerate(text, start=1)
                 if line.strip() and not line.startswith("#")]
    known = DELIMITERS.get(file.suffix.lower(), OTHERWISE)
    delimiter = next((mark for mark in known if lines and mark in lines[0][1]), known[0])
    columns: dict[str, int] = {}
    for number, line in lines:
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
        if not columns:
            header = {cell.lower(): column for column, cell in enumerate(cells)}
            named = header.keys() >= {"a", "b"}
            columns = header if named else POSITIONS[len(cells) > 2]
            if named:
                continue
        yield _row(cells, columns, place=f"{file}, line {number}", line=number)


def _row(cells: Sequence[str], columns: dict[str, int], *, place: str, line: int) -> ListedPair:
    used = {key: columns[key] for key in ("a", "b", "phase") if key in columns}
    if len(used) < 2 or len(cells) <= max(used.values()):
        raise ValueError(f"{place} has {len(cells)} columns: {' | '.join(cells)}; {FORMAT}")
    if "phase" in used and not cells[used["phase"]]:
        raise ValueError(f"{place} names no phase, but other lines do; add train, test, ...")
    phase = cells[used["phase"]] if "phase" in used else None
    return ListedPair(line, cells[used["a"]], cells[used["b"]], phase)
