"""Read a list of pairs: a table with a line ``A,B`` or ``A,B,phase`` for each."""

import csv
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data.discovery.folders import EXTENSIONS, is_picture
from data.discovery.stacks import group_by_stem, longest_suffix, missing, stacked_source, stem_of
from data.files.source import Pair, Source
from util.text import listing

log = logging.getLogger(__name__)
# What may part the columns: the first of them that the first line holds.
DELIMITERS = {".csv": (",", ";", "\t"), ".tsv": ("\t",)}
OTHERWISE = ("\t", ",", ";")
FORMAT = "wanted lines A,B or A,B,phase with paths of images; a header has these very names"
POSITIONS = ({"a": 0, "b": 1}, {"a": 0, "b": 1, "phase": 2})  # of two columns, of three


@dataclass(frozen=True)
class ListedPair:
    line: int
    A: str
    B: str
    phase: str | None  # None: the list has no such column


@dataclass(frozen=True)
class Finder:
    """Looks for the file, or the stack of files, that one cell of the list names."""

    bases: tuple[Path, ...]  # paths are relative to the first of these where the file lies
    suffixes: Sequence[str] = ()
    _stacks: dict[Path, dict[str, dict[str, Path]]] = field(default_factory=dict)

    def __call__(self, cell: str) -> Source | str:
        """A word of what is wrong, instead of a source, where there is none."""
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
            return f"{cell} is in no format that is read ({' '.join(EXTENSIONS)})"
        places = " or in ".join(dict.fromkeys(map(str, self.bases)))
        return f"{cell} does not exist" + ("" if Path(cell).is_absolute() else f" in {places}")

    def _parts(self, path: Path) -> dict[str, Path]:
        if not self.suffixes:
            return {"": path} if path.is_file() else {}
        folder = path.parent
        if folder not in self._stacks:
            files = sorted(folder.iterdir()) if folder.is_dir() else []
            pictures = [file for file in files if is_picture(file)]
            self._stacks[folder], _ = group_by_stem(pictures, self.suffixes)
        name = path.stem if is_picture(path) else path.name
        name = name.removesuffix(longest_suffix(name, self.suffixes) or "")
        return self._stacks[folder].get(stem_of(folder, name), {})


def read_list(
    file: Path, *, dataroot: Path, phase: str, suffixes_A: Sequence[str] = (),
    suffixes_B: Sequence[str] = (), allow_unpaired: bool = False,
) -> tuple[list[Pair], int]:
    """The pairs of ``phase`` in the order of the list, and how many lines were dropped.

    ``file`` lies where it says, or in ``dataroot``. Paths are absolute, or relative to the folder
    of ``file`` or to ``dataroot``. With suffixes a cell names the stem of a stack, or any file of
    it. A list without a column ``phase`` holds for every phase. A header ``A,B`` or ``A,B,phase``,
    in any order, is optional; empty lines and lines that begin with # do not count.

    Raises:
        FileNotFoundError: no such list; or it names files that do not exist (dropped with
            ``allow_unpaired``).
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
            wrong = [f"{side} {it}" for side, it in (("A", A), ("B", B)) if isinstance(it, str)]
            faults.append(f"line {row.line}: {', '.join(wrong)}")
    if faults and not (allow_unpaired and pairs):
        skip = ", or drop these lines with --allow_unpaired" if pairs else ""
        raise FileNotFoundError(
            f"{file} lists {len(faults)} pairs that are not complete, and {len(pairs)} that are; "
            f"mend the list{skip} ({FORMAT}):\n{listing(faults)}"
        )
    if faults:
        log.warning("%s: dropped %d lines:\n%s", file, len(faults), listing(faults))
    return pairs, len(faults)


def phases_in(file: Path, dataroot: Path) -> list[str]:
    """The phases that ``file`` names, in its order; [""] where it has no such column.

    Raises:
        FileNotFoundError, ValueError: as ``read_list``.
    """
    return list(dict.fromkeys(row.phase or "" for row in _all_rows(_located(file, dataroot))))


def _rows_of_phase(file: Path, phase: str) -> list[ListedPair]:
    rows = _all_rows(file)
    chosen = [row for row in rows if row.phase in (None, phase)]
    if not chosen:
        phases = Counter(row.phase for row in rows)
        there = ", ".join(f"{name} ({count})" for name, count in phases.items())
        raise ValueError(f"{file} lists no pairs of --phase {phase}; it has {there}")
    return chosen


def _located(file: Path, dataroot: Path) -> Path:
    places = (file, dataroot / file)
    for place in places:
        if place.is_file():
            return place
    looked = " and ".join(dict.fromkeys(str(place.absolute()) for place in places))
    raise FileNotFoundError(
        f"--pairs {file} is no file, looked for {looked}; check the path, or leave --pairs out"
    )


def _all_rows(file: Path) -> list[ListedPair]:
    try:
        rows = list(_rows(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"--pairs {file} cannot be read ({error}); save it as UTF-8") from error
    if not rows:
        raise ValueError(f"{file} lists no pairs; {FORMAT}")
    return rows


def _rows(file: Path) -> Iterator[ListedPair]:
    with file.open(encoding="utf-8-sig") as text:  # spreadsheets begin a file with a mark
        lines = [
            (number, line) for number, line in enumerate(text, start=1)
            if line.strip() and not line.startswith("#")
        ]
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
        raise ValueError(f"{place} names no phase, but other lines do; write train, test, ...")
    phase = cells[used["phase"]] if "phase" in used else None
    return ListedPair(line, cells[used["a"]], cells[used["b"]], phase)
