"""Format lists, counts and sizes for messages."""

from collections.abc import Mapping, Sequence


def listing(lines: Sequence[str], *, most: int = 20, of: int | None = None) -> str:
    """The first lines, indented, and the number of the others, of ``of`` in all."""
    shown = [f"  {line}" for line in lines[:most]]
    others = (len(lines) if of is None else of) - len(shown)
    if others:
        shown.append(f"  ... and {others} more")
    return "\n".join(shown)


def format_bytes(count: float, *, digits: int = 0) -> str:
    """Return a size such as "20 MB" or, from 1 GB on, "1.5 GB"; ``digits`` are those of the MB."""
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{count / 2**20:.{digits}f} MB"


def counted(count: int, noun: str) -> str:
    """"1 picture", "2 pictures"."""
    return f"{count} {noun}{'s' * (count != 1)}"


def merge_equal_lines(lines: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Speaker -> lines; returns each different line once, with those who say it, or "" for all."""
    said: dict[str, list[str]] = {}
    for speaker, own in lines.items():
        for line in own:
            said.setdefault(line, []).append(speaker)
    return [("" if len(who) == len(lines) else ", ".join(who), line) for line, who in said.items()]
