"""Format lists, counts and sizes for messages."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches


def listing(lines: Sequence[str], *, most: int = 20, of: int | None = None) -> str:
    """Return the first lines, indented, and the number of further lines; ``of``: of all lines."""
    shown = [f"  {line}" for line in lines[:most]]
    hidden = (len(lines) if of is None else of) - len(shown)
    if hidden:
        shown.append(f"  ... and {hidden} more")
    return "\n".join(shown)


def format_bytes(count: float, *, digits: int = 0) -> str:
    """Return a size such as "20 MB" or, from 1 GB on, "1.5 GB"; ``digits`` are those of the MB."""
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{count / 2**20:.{digits}f} MB"


def pluralise(count: int, noun: str) -> str:
    """Return the count with the noun in the right number: "1 image", "2 images"."""
    return f"{count} {noun}{'s' * (count != 1)}"


def merge_equal_lines(lines: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Return each different line once, as (sources that have it, "" if all have it; line)."""
    sources: dict[str, list[str]] = {}
    for source, source_lines in lines.items():
        for line in source_lines:
            sources.setdefault(line, []).append(source)
    return [("" if len(having) == len(lines) else ", ".join(having), line)
            for line, having in sources.items()]


def similar(word: object, names: Iterable[object] | None, *, cutoff: float = 0.5) -> str:
    """Return "; did you mean NAME?" for the name that is most similar to a mistyped word, or "".

    ``cutoff``: the lowest similarity, 0..1 (``difflib``).
    """
    plain = {str(name).replace("_", "").lower(): name for name in reversed(list(names or ()))}
    close = get_close_matches(str(word).replace("_", "").lower(), plain, 1, cutoff=cutoff)
    return f"; did you mean {plain[close[0]]}?" if close else ""
