"""Let a file of the user define a flag that the program has, too."""

from argparse import Action, ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def flags_replaceable(parser: ArgumentParser, file: str) -> Iterator[None]:
    """Let flags that ``file`` adds inside replace those of the same name.

    Raises:
        ValueError: a replaced flag has values of another kind than that of the program.
    """
    before = {action.dest: action for action in parser._actions}
    parser.conflict_handler = parser._optionals.conflict_handler = "resolve"
    try:
        yield
    finally:
        parser.conflict_handler = parser._optionals.conflict_handler = "error"
    for action in parser._actions:
        known = before.get(action.dest, action)
        kinds = {_kind(known), _kind(action)}
        if len(kinds) > 1 and None not in kinds:
            raise ValueError(f"{file} defines --{action.dest}, which is a flag of this program "
                             f"with other values ({known.help}); rename it in the file")


def _kind(flag: Action) -> type | None:
    """Return the type of the values; None if it is unknown. All numbers are of one kind."""
    value = flag.default
    if value is None or (isinstance(value, str) and flag.type not in (None, str)):
        return None
    return float if type(value) in (int, float) else type(value)
