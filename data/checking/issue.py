"""One kind of fault of a set, and the places where it was found."""

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
    """``text``: what was found, how often, and the way out; ``entries``: where."""

    kind: str
    level: Literal["error", "warning"]
    text: str
    entries: Sequence[Entry] = field(default_factory=list)


def times(found: Sequence[object]) -> str:
    return "once" if len(found) == 1 else f"{len(found)} times"


def names(row: SourceRow) -> str:
    """A file that holds both sides is named once."""
    names = dict.fromkeys(" + ".join(map(str, source.files)) for source in row.sources)
    return " and ".join(names)
