"""Read small UTF-8 files that a person may have edited; every error names the file."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from util.files import fault_of


def read_text(path: Path, *, advice: str) -> str:
    """Return the content of a file in UTF-8, with or without a byte order mark.

    Raises:
        ValueError: it is not a file, or has another encoding. ``advice`` says what to do.
    """
    if not path.is_file():
        raise ValueError(f"{path} {fault_of(path)}, wanted a text file; {advice}")
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        is_utf_16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        coding = "its encoding is UTF-16" if is_utf_16 else f"byte {error.start} is not UTF-8"
        raise ValueError(f"{path} is damaged ({coding}, wanted UTF-8); {advice}") from error


def read_json(path: Path, *, advice: str) -> dict[str, Any]:
    """Return the names and values of a JSON file.

    Raises:
        ValueError: as ``read_text``; or it is not JSON, nested too deeply, or another value.
    """
    text = read_text(path, advice=advice)
    try:
        content = json.loads(text)
        if not isinstance(content, dict):
            raise TypeError(f"holds a {type(content).__name__}, expected names and values")
    except RecursionError as error:
        raise ValueError(f"{path} is damaged (nested too deeply); {advice}") from error
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}); {advice}") from error
    return content


def read_csv(path: Path, *, advice: str) -> list[dict[str, str]]:
    """Return the rows of a table by the names in its first line.

    Raises:
        ValueError: as ``read_text``; or a cell is too long, or holds a zero byte.
    """
    return csv_rows(read_text(path, advice=advice), path, advice=advice)


def csv_rows(
    text: str, path: Path, *, advice: str, columns: Sequence[str] | None = None
) -> list[dict[str, str]]:
    """Return the rows of a part of a table; ``columns`` None: they are its first line.

    Raises:
        ValueError: a cell is too long, or holds a zero byte.
    """
    try:
        return list(csv.DictReader(text.splitlines(keepends=True), fieldnames=columns))
    except csv.Error as error:
        raise ValueError(f"{path} is damaged ({error}); {advice}") from error
