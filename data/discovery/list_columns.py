"""Which columns of a table of pairs hold A, B and the phase."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.discovery.folders import is_picture
from data.discovery.table import TableRow

FORMAT = "wanted lines A,B or A,B,phase with paths of images"
_PHASE = ("phase", "split", "set", "subset")
_INDEX = ("", "unnamed: 0", "index")  # columns of whole numbers, which are not read


@dataclass(frozen=True)
class Columns:
    """Positions of the columns, from 0. ``phase`` None: there is no such column."""

    A: int
    B: int
    phase: int | None
    count: int
    own_phases: bool = True  # any word is a phase, because the column is named like --phase

    def cells(self, row: TableRow, file: Path) -> tuple[str, str, str | None]:
        """Return A, B and the phase of a row.

        Raises:
            ValueError: the row has too few or too many cells.
        """
        cells = row.cells
        if len(cells) <= max(self.A, self.B, self.phase or 0) or any(cells[self.count :]):
            raise ValueError(f"{file}, line {row.line} has {len(cells)} columns: "
                             f"{' | '.join(cells)}; {FORMAT}. Put quotation marks around names "
                             "that hold a delimiter")
        return cells[self.A], cells[self.B], None if self.phase is None else cells[self.phase]


def likelihood(rows: Sequence[TableRow]) -> tuple[int, ...]:
    """Return a score that is highest if the cells were separated by the right delimiter."""
    header = bool(rows) and {"a", "b"} <= {cell.casefold() for cell in rows[0].cells}
    images = sum(is_picture(Path(cell)) for row in rows for cell in row.cells)
    return int(header), images, sum(len(row.cells) > 1 for row in rows)


def find_columns(rows: Sequence[TableRow], file: Path) -> tuple[Columns, Sequence[TableRow]]:
    """Return the columns by the header, or by their order if there is none, and the other rows.

    Raises:
        ValueError: a column is unknown or missing, or there are too many.
    """
    first = rows[0]
    names = [cell.casefold() for cell in first.cells]
    if not {"a", "b"} & set(names) and any(is_picture(Path(cell)) for cell in first.cells):
        return _by_order(rows, file), rows
    rows = rows[1:]
    # R leaves the name of its index out, which moves the others by one.
    shift = int(bool(rows) and _is_index(rows, 0)
                and all(len(row.cells) == len(names) + 1 for row in rows))
    where: dict[str, int] = {}
    unknown = []
    for position, name in enumerate(names, start=shift):
        role = "phase" if name in _PHASE else name
        if role in ("a", "b", "phase") and role not in where:
            where[role] = position
        elif name not in _INDEX or not (_is_index(rows, position) or _is_empty(rows, position)):
            unknown.append(first.cells[position - shift] or f"number {position + 1}, without name")
    missing = [role.upper() for role in ("a", "b") if role not in where]
    if unknown or missing:
        faults = [f"no column {role}" for role in missing]
        faults += [f"columns that are unknown or twice: {', '.join(unknown)}"] if unknown else []
        raise ValueError(f"{file}, line {first.line} has {' and '.join(faults)}; known are A, B "
                         f"and one of {', '.join(_PHASE)}. Rename the columns, or delete those "
                         "that are not needed; if this line is no header, put a line A,B above it")
    return Columns(where["a"], where["b"], where.get("phase"), len(names) + shift,
                   own_phases="phase" in names), rows


def _by_order(rows: Sequence[TableRow], file: Path) -> Columns:
    used = max(len(row.cells) for row in rows)
    while used and _is_empty(rows, used - 1):
        used -= 1
    cells = rows[0].cells
    first = int(_is_index(rows, 0) and all(is_picture(Path(cell)) for cell in cells[1:3]))
    if used - first not in (2, 3):
        fix = "Add a header, or delete other columns" if used > 1 else "Put commas between them"
        raise ValueError(f"{file}, line {rows[0].line} has {used} columns: {' | '.join(cells)}; "
                         f"{FORMAT}. {fix}")
    return Columns(first, first + 1, first + 2 if used - first == 3 else None, used)


def _is_index(rows: Sequence[TableRow], column: int) -> bool:
    """Return True if all cells are whole numbers; pandas keeps them when rows are shuffled."""
    return all(column < len(row.cells) and row.cells[column].isdecimal() for row in rows)


def _is_empty(rows: Sequence[TableRow], column: int) -> bool:
    return not any(column < len(row.cells) and row.cells[column] for row in rows)
