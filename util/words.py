"""Parts of sentences for people."""

from collections.abc import Sequence


def listing(lines: Sequence[str], most: int = 20) -> str:
    """The first lines, each on an indented line of its own, and the number of the others."""
    shown = [f"  {line}" for line in lines[:most]]
    if len(lines) > most:
        shown.append(f"  ... and {len(lines) - most} more")
    return "\n".join(shown)
