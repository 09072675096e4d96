"""Names of files: cut to the length that file systems allow, and sorted by their numbers."""

import os
import re
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from unicodedata import normalize

LONGEST = 255  # bytes of one name on common file systems
EXTENSION_ROOM = 5  # bytes of the longest extension of an image, such as .tiff
_MARK = 8  # hexadecimal digits of the hash


def shorten(stem: str, *, room: int) -> str:
    """Return ``stem`` if ``room`` more bytes fit behind it, else its start, "~" and a hash.

    Different names stay different, and equal names get equal results in every program. Names that
    are not UTF-8 (surrogate escapes) are cut between bytes, others between characters.
    """
    if len(os.fsencode(stem)) + room <= LONGEST:
        return stem
    mark = f"~{sha256(os.fsencode(stem)).hexdigest()[:_MARK]}"
    start = stem
    while len(os.fsencode(start)) + len(mark) + room > LONGEST:
        start = start[:-1]
    return start + mark


def without_extension(path: Path) -> Path:
    """Return the path without its extension.

    A number behind the last point is part of the name: DICOM files are named by numbers such as
    1.2.840.1001.
    """
    return path.with_suffix("") if path.suffix[1:2].isalpha() else path


def natural_key(text: str) -> tuple[list[tuple[int, str]], str]:
    """Return a sort key by which frame2 comes before frame10. Equal numbers: 01 before 1."""
    parts = [(int(part), "") if part.isdecimal() else (-1, part)
             for part in re.split(r"(\d+)", text)]
    return parts, text


def composed(names: Iterable[str]) -> dict[str, str]:
    """Map each name to Unicode form NFC: systems store accents in two ways.

    A name maps to itself if another one differs from it only in the form.
    """
    forms = {name: normalize("NFC", name) for name in names}
    counts = Counter(forms.values())
    return {name: form if counts[form] == 1 else name for name, form in forms.items()}
