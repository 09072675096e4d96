"""Read a list of pairs: a table with the columns A, B and, for several phases, phase."""

import csv
import logging
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from data.discovery.list_columns import FORMAT, find_columns, likelihood
from data.discovery.listed_files import Finder
from data.discovery.table import TableRow, read_rows, texts_of
from data.files.source import Pair, Source
from util.text import listing

log = logging.getLogger(__name__)
_PHASES = {"train": "train", "training": "train", "val": "val", "valid": "val",
           "validation": "val", "test": "test", "testing": "test"}
_WORD = re.compile(r"[^\W\d][\w -]*")
_LONGEST = 1000  # characters of a message about one line
_NO_VALUE = ("", "na", "n/a", "nan", "none", "null")  # as pandas and R write them
_SAMPLE = 50  # cells that show the encoding


@dataclass(frozen=True)
class ListedPair:
    line: int
    A: str
    B: str
    phase: str | None  # None: the list has no column for it


def read_list(
    file: Path, *, dataroot: Path, phase: str, suffixes_A: Sequence[str] = (),
    suffixes_B: Sequence[str] = (), allow_unpaired: bool = False,
) -> tuple[list[Pair], int]:
    """Return the pairs of ``phase`` in the order of the list, and the number of dropped lines.

    ``file`` may be relative to ``dataroot``. Paths in it are absolute, or relative to its folder or
    to ``dataroot``; see ``Finder``. With suffixes, a cell names the stem of a stack or any of its
    files. A list without a column for the phase is valid for every phase. A header is optional if
    the columns are A,B or A,B,phase. A pair that is listed again is dropped with a warning.

    Raises:
        FileNotFoundError: the list does not exist, or names files that do not exist (their lines
            are dropped with ``allow_unpaired``).
        ValueError: it cannot be read, or holds no pair of ``phase``.
    """
    file = _located(file, dataroot)
    finder = Finder((file.parent, dataroot))
    rows = _rows_of_phase(file, phase, finder)
    pairs: dict[Pair, int] = {}
    faults, repeated = [], []
    for row in rows:
        A, B = finder(row.A, suffixes_A), finder(row.B, suffixes_B)
        if isinstance(A, Source) and isinstance(B, Source):
            first = pairs.setdefault(Pair(A, B), row.line)
            if first != row.line:
                repeated.append(f"line {row.line} repeats line {first}")
        else:
            texts = [f"{side} {it}" for side, it in (("A", A), ("B", B)) if isinstance(it, str)]
            faults.append(f"line {row.line}: {', '.join(texts)}"[:_LONGEST])
    if faults and not (allow_unpaired and pairs):
        skip = ", or drop these lines with --allow_unpaired" if pairs else ""
        raise FileNotFoundError(f"{file} lists {len(faults)} incomplete pairs and {len(pairs)} "
                                f"complete pairs; correct the list{skip} ({FORMAT}):\n"
                                f"{listing(faults)}")
    if faults + repeated:
        log.warning("%s: dropped %d lines:\n%s", file, len(faults + repeated),
                    listing(faults + repeated))
    _log_remarks(file, phase, rows, list(pairs), finder)
    return list(pairs), len(faults + repeated)


def _log_remarks(
    file: Path, phase: str, rows: Sequence[ListedPair], pairs: Sequence[Pair], finder: Finder
) -> None:
    """Log what may not be as the user expects."""
    for start, base in finder.moved.items():
        log.warning("%s: paths that begin with %s do not exist here; read from %s", file, start,
                    base)
    same = [str(pair.A) for pair in pairs if pair.A == pair.B]
    if same:
        log.warning("%s: A and B are the same file in %d of %d pairs:\n%s", file, len(same),
                    len(pairs), listing(same))
    if rows[0].phase is None and phase != "train":
        log.warning("%s has no column for the phase, so --phase %s reads all its pairs, like "
                    "a training on this list; to keep them apart, add a column phase with train, "
                    "val, test", file, phase)


def phases_in(file: Path, dataroot: Path) -> list[str]:
    """Return the phases of ``file`` in its order; [""] if it has no column for them.

    Raises:
        FileNotFoundError, ValueError: as ``read_list``.
    """
    file = _located(file, dataroot)
    rows = _all_rows(file, "", Finder((file.parent, dataroot)))
    return list(dict.fromkeys(row.phase or "" for row in rows))


def _rows_of_phase(file: Path, phase: str, finder: Finder) -> list[ListedPair]:
    rows = _all_rows(file, phase, finder)
    chosen = [row for row in rows if row.phase in (None, _PHASES.get(phase.casefold(), phase))]
    if not chosen:
        phases = Counter(row.phase for row in rows)
        counts = ", ".join(f"{name} ({count})" for name, count in phases.items())
        raise ValueError(f"{file} lists no pairs of --phase {phase}; it has {counts}; give one "
                         "of these")
    return chosen


def _located(file: Path, dataroot: Path) -> Path:
    candidates = (file, dataroot / file)
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    paths = " and ".join(dict.fromkeys(str(candidate.absolute()) for candidate in candidates))
    raise FileNotFoundError(f"--pairs {file} is not a file, looked for {paths}; check the path, "
                            "or leave --pairs out")


def _all_rows(file: Path, phase: str, finder: Finder) -> list[ListedPair]:
    try:
        rows = _decoded_rows(file, finder)
    except csv.Error as error:
        raise ValueError(f"{file} cannot be read ({error}); correct it, or save it as CSV "
                         "again") from error
    if not rows:
        raise ValueError(f"{file} lists no pairs; {FORMAT}")
    columns, rows = find_columns(rows, file)
    if not rows:
        raise ValueError(f"{file} lists no pairs; {FORMAT}, below the header")
    listed = []
    for row in rows:
        A, B, value = columns.cells(row, file)
        own = _phase(value, row, phase, own=columns.own_phases, file=file)
        listed.append(ListedPair(row.line, A, B, own))
    return listed


def _decoded_rows(file: Path, finder: Finder) -> Sequence[TableRow]:
    """Return the rows in Unicode, or in the encoding in which most of the files exist."""
    tables = {name: read_rows(text, file.suffix, likelihood) for name, text in texts_of(file)}
    if len(tables) == 1:
        return next(iter(tables.values()))

    def existing(encoding: str) -> int:
        special = (cell for row in tables[encoding] for cell in row.cells if not cell.isascii())
        return sum(isinstance(finder(cell), Source) for cell in islice(special, _SAMPLE))

    best = max(tables, key=existing)
    log.warning("%s is not UTF-8, and is read as %s", file, best)
    return tables[best]


def _phase(value: str | None, row: TableRow, asked: str, *, own: bool, file: Path) -> str | None:
    """Return train, val or test, the phase that the user asked for, or with ``own`` any word."""
    if value is None:
        return None
    word = value.casefold()
    if word in _NO_VALUE:
        raise ValueError(f"{file}, line {row.line} names no phase, but the list has a column for "
                         "it; add train, val or test")
    if word in _PHASES or value == asked:
        return _PHASES.get(word, value)
    wrong = get_close_matches(word, _PHASES) and not re.match(r"(train|val|test)[^a-z]", word)
    if own and _WORD.fullmatch(value) and not wrong:
        return value
    raise ValueError(f"{file}, line {row.line} has the phase {value!r}, known are "
                     f"{', '.join(_PHASES)}; correct it, or read these lines by --phase "
                     f"{shlex.quote(value)}")
