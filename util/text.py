"""Parts of sentences for people."""

from collections.abc import Mapping, Sequence


def listing(lines: Sequence[str], *, most: int = 20, of: int | None = None) -> str:
    """The first lines, indented, and the number of the others, of ``of`` in all."""
    shown = [f"  {line}" for line in lines[:most]]
    others = (len(lines) if of is None else of) - len(shown)
    if others:
        shown.append(f"  ... and {others} more")
    return "\n".join(shown)


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
