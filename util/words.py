"""Parts of sentences for people."""

from collections.abc import Sequence


def listing(lines: Sequence[str], *, most: int = 20, of: int | None = None) -> str:
    """The first lines, indented, and the number of the others, of ``of`` in all."""
    shown = [f"  {line}" for line in lines[:most]]
    others = (len(lines) if of is None else of) - len(shown)
    if others:
        shown.append(f"  ... and {others} more")
    return "\n".join(shown)
