"""Read a table from a text file, as spreadsheets and programs of any system save it."""

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from util.files import fault_of

# Preferred delimiters of the columns first.
_DELIMITERS = {".csv": ",;\t|", ".tsv": "\t;,|", "": "\t,;|"}
_EXPORT = ("save the table as CSV (Excel: File, Save As, CSV UTF-8; LibreOffice: File, Save As, "
           "Text CSV; Numbers: File, Export To, CSV; Google Sheets: File, Download, .csv)")
_FOREIGN = (  # first bytes -> what the file is instead of text
    (b"PK\x03\x04", "a spreadsheet (.xlsx, .ods, .numbers) or another zip file"),
    (b"\xd0\xcf\x11\xe0", "an Excel file (.xls)"), (b"%PDF", "a PDF"), (b"{\\rtf", "an RTF text"),
    (b"PAR1", "a Parquet table"), (b"\x1f\x8b", "a gzip file"), (b"<", "a page or XML"),
)
_INVISIBLE = "\ufeff\u200b\u200e\x1a"  # byte order mark, spaces of no width, end of DOS files
_SAMPLE = 100  # rows that show the delimiter
_JSON = re.compile(r"\s*(\{\s*[\"}]|\[\s*[\[{\"])")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"),
          (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
          (codecs.BOM_UTF16_BE, "utf-16"))
# Windows, Mac, DOS; central Europe, Cyrillic; Japan, China, Korea. The last one takes any bytes.
_LEGACY = ("cp1252", "mac_roman", "cp850", "cp1250", "cp1251", "cp932", "gb18030", "cp949",
           "latin-1")


@dataclass(frozen=True)
class TableRow:
    """``line``: the number of its first line in the file, from 1. ``cells`` have no outer spaces.

    A row has at least one cell that is not empty.
    """

    line: int
    cells: tuple[str, ...]


def texts_of(file: Path) -> Iterator[tuple[str, str]]:
    """Yield (encoding, text): one for Unicode, otherwise every old encoding that fits.

    Raises:
        ValueError: the file is not a text, or holds JSON; the message tells how to convert it.
    """
    if not file.is_file():
        raise FileNotFoundError(f"{file} {fault_of(file)}; give a text file with the pairs")
    data = file.read_bytes()
    mark = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    found = next((what for start, what in _FOREIGN if not mark and data.startswith(start)), "")
    if found:
        raise ValueError(f"{file} is {found}, but a text with one line for each pair is wanted; "
                         f"{_EXPORT}")
    if not mark and b"\0" in data:  # the high bytes of Latin letters
        mark = "utf-16-le" if data[1::2].count(0) > data[::2].count(0) else "utf-16-be"
    encodings = [mark] if mark else ["utf-8", *_LEGACY]
    if not mark and data.isascii():
        encodings = ["ascii"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            if mark:
                raise ValueError(f"{file} is not a text ({error}); {_EXPORT}") from error
            continue
        _refuse_json(text, file)
        yield encoding, text
        if encoding == "utf-8":
            return


def _refuse_json(text: str, file: Path) -> None:
    if _JSON.match(text):
        lines = ""
        try:
            json.loads(text)
        except json.JSONDecodeError:
            lines = ", lines=True"
        raise ValueError(f"{file} holds JSON, but a table with the columns A, B is wanted; convert "
                         f"it, for example by pandas: pandas.read_json({str(file)!r}{lines})"
                         ".to_csv('pairs.csv', index=False)")


def read_rows(
    text: str, extension: str, score: Callable[[Sequence[TableRow]], tuple[int, ...]]
) -> list[TableRow]:
    """Return the rows of ``text`` that are neither empty nor comments (lines that begin with #).

    The delimiter is the one that a first line ``sep=;`` names (Excel), or the one for which
    ``score`` of the first rows is highest.

    Raises:
        csv.Error: a quotation mark is not closed.
    """
    known = _DELIMITERS.get(extension.lower(), _DELIMITERS[""])
    if re.match(r'\s*"[^"]*" "', text):  # the default of R's write.table
        known += " "
    lines = list(io.StringIO(text, newline=""))  # splits at \n, \r\n and \r, and keeps them
    named = re.fullmatch(r"\"?sep=(.)\"?\s*", lines[0], re.IGNORECASE) if lines else None
    if named:
        return list(_rows(["\n", *lines[1:]], named[1]))

    def quality(delimiter: str) -> tuple[int, ...]:
        return score(list(islice(_rows(lines, delimiter, strict=False), _SAMPLE)))

    return list(_rows(lines, max(known, key=quality)))


def _rows(lines: Sequence[str], delimiter: str, *, strict: bool = True) -> Iterator[TableRow]:
    first = last = 0  # line of the row that is being read, 0 between rows; of the last row

    def without_comments() -> Iterator[str]:
        nonlocal first
        for number, line in enumerate(lines, start=1):
            if first or (line.strip() and not line.startswith("#")):
                first = first or number
                yield line

    for cells in csv.reader(without_comments(), delimiter=delimiter, skipinitialspace=True):
        last, first = first, 0
        stripped = tuple(map(_stripped, cells))
        if any(stripped):
            yield TableRow(last, stripped)
    if strict and last:
        _require_closed(lines[last - 1 :], delimiter, last)


def _stripped(cell: str) -> str:
    """Remove spaces and invisible characters at the ends, and Excel's mark of a text: ="..."."""
    cell = cell.strip().strip(_INVISIBLE).strip()
    return cell[2:-1] if cell.startswith('="') and cell.endswith('"') else cell


def _require_closed(lines: Sequence[str], delimiter: str, number: int) -> None:
    """Raise csv.Error if the last row has a quotation mark without its counterpart."""
    try:
        list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise csv.Error(f"line {number} opens a quotation mark that is not closed") from None
