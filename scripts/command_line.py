"""The command line that all programs of this folder have in common."""

import argparse
import sys
from collections.abc import Sequence


def new_parser(description: str | None, *, usage: str | None = None) -> argparse.ArgumentParser:
    """Return a strict parser with --verbose, which run_program reads."""
    parser = argparse.ArgumentParser(
        description=description, usage=usage, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--verbose", action="store_true", help="show the traceback of an error")
    return parser


def split_flags(argv: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Return the flags before and after ``--``; None: those of the command line."""
    words = [*(sys.argv[1:] if argv is None else argv), "--"]
    end = words.index("--")
    return words[:end], words[end + 1 : -1]
