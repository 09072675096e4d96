"""One kind of fault of a set, and where it occurs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from data.checking.layout import SourceRow
from data.files.source import Source


@dataclass(frozen=True)
class Entry:
    text: str
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Issue:
    """``text``: what was found, how often, and how to fix it; ``entries``: where."""

    kind: str
    level: Literal["error", "warning"]
    text: str
    entries: Sequence[Entry] = field(default_factory=list)


def names(row: SourceRow) -> str:
    """Return the files of a row; a file that holds both sides is named once."""
    files = dict.fromkeys(" + ".join(map(str, source.files)) for source in row.sources)
    return " and ".join(files)
