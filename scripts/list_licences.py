"""Write docs/licences.md: the licence of every package that requirements.lock pins.

    python scripts/list_licences.py

Licences are read from the metadata of the installed packages. Packages for other systems and other
versions of Python are not installed; their rows stay, and a new one is written by hand.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from datasets.jobs import tool_parser
from util.files import write_text

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "licences.md"
_ROW = re.compile(r"^\| ([a-z0-9-]+) \| (.+) \|$", re.MULTILINE)
_RULE = "| --- | --- |\n"
_CLASSIFIER = "License :: OSI Approved :: "
_LONGEST = 60  # characters; a longer field "License" holds the whole text


def pinned(lock: str) -> list[str]:
    """Return the names of all packages in the text of requirements.lock, sorted."""
    return sorted(set(re.findall(r"^([a-z0-9][a-z0-9-]*)==", lock, re.MULTILINE)))


def licence_of(package: str) -> str | None:
    """Return the licence in the metadata; None: not installed, or the metadata names none."""
    try:
        fields = metadata(package)
    except PackageNotFoundError:
        return None
    if expression := fields["License-Expression"]:
        return expression
    classifiers = [line.removeprefix(_CLASSIFIER) for line in fields.get_all("Classifier") or ()
                   if line.startswith(_CLASSIFIER)]
    text = " ".join((fields["License"] or "").split())
    return ", ".join(classifiers) or (text if 0 < len(text) <= _LONGEST else None)


def rows(table: str) -> dict[str, str]:
    """Return licences by package, from the text of docs/licences.md."""
    return dict(_ROW.findall(table.partition(_RULE)[2]))


def with_rows(table: str, licences: Mapping[str, str]) -> str:
    """Return the text of docs/licences.md with these rows, and no others."""
    head = table.partition(_RULE)[0]
    lines = [f"| {package} | {licence} |" for package, licence in licences.items()]
    return head + _RULE + "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> None:
    tool_parser(__doc__).parse_args(argv)
    table = TABLE.read_text(encoding="utf-8")
    known = rows(table)
    packages = pinned((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    found = {package: licence_of(package) or known.get(package) for package in packages}
    if unknown := [package for package, licence in found.items() if not licence]:
        sys.exit(f"error: the licence of {', '.join(unknown)} is unknown here; look it up and add "
                 f"rows to {TABLE.relative_to(ROOT)}, such as | {unknown[0]} | MIT |")
    licences = {package: licence for package, licence in found.items() if licence}
    write_text(TABLE, with_rows(table, licences))


if __name__ == "__main__":
    main()
