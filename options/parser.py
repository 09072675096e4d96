"""An ArgumentParser with short error messages, and functions that read parts of a command line."""

from argparse import (
    SUPPRESS,
    Action,
    ArgumentDefaultsHelpFormatter,
    ArgumentError,
    ArgumentParser,
    Namespace,
)
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn

from util.console.log_lines import printable
from util.text import similar


class HelpFormatter(ArgumentDefaultsHelpFormatter):
    """Shows the default of each flag, unless it is empty or a tuple, which mean "off"."""

    def _get_help_string(self, action: Any) -> str | None:
        is_off = isinstance(action.default, tuple) or action.default in (None, "", SUPPRESS)
        if is_off or action.nargs == 0:
            return action.help  # type: ignore[no-any-return]
        return super()._get_help_string(action)


class Parser(ArgumentParser):
    """Reports a mistake in two lines instead of four screens of usage."""

    words: Sequence[str] = ()  # the command line

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, **{"formatter_class": HelpFormatter} | kwargs)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse all arguments. An unknown flag is reported before a missing one."""
        with self._nothing_required() as required:
            opt, unknown = self.parse_known_args(args, namespace)
        if unknown:
            flags = [word.partition("=")[0] for word in unknown if word.startswith("-")]
            hint = self.explain_unknown(flags)
            self.error(f"unrecognized arguments: {' '.join(unknown)}{'; ' * bool(hint)}{hint}")
        missing = [action for action in required if getattr(opt, action.dest) is None]
        if missing:
            names = ", ".join("/".join(action.option_strings) for action in missing)
            self.error(f"the following arguments are required: {names}")
        return opt

    def peek(self, flag: str, convert: Callable[[str], Any]) -> Any:
        """Return the value of a flag that other defaults follow; None if it is not given."""
        return getattr(read_flags(self.words, **{flag: convert}), flag)

    def explain_unknown(self, flags: Iterable[str]) -> str:
        """Return a suggestion for unknown flags, or ""."""
        close = [get_close_matches(flag, self._option_string_actions, 1) for flag in flags]
        hint = ", ".join(match for matches in close for match in matches)
        return f"did you mean {hint}?" if hint else ""

    def _check_value(self, action: Action, value: Any) -> None:
        """Add the most similar choice to the error for a value that is not one of them."""
        try:
            super()._check_value(action, value)
        except ArgumentError as error:
            raise ArgumentError(action, error.message + similar(value, action.choices)) from None

    @contextmanager
    def _nothing_required(self) -> Iterator[list[Action]]:
        required = [action for action in self._actions if action.required]
        for action in required:
            action.required = False
        yield required
        for action in required:
            action.required = True

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {printable(message)}\n(--help lists every flag)\n")


@dataclass(frozen=True)
class Dependency:
    """``flags`` have an effect only if ``is_used``; ``user``: what would use them."""

    flags: tuple[str, ...]
    is_used: Callable[[Namespace], bool]
    user: str
    is_old: bool = False  # the reference has these flags and ignores them silently

    def unused(self, opt: Namespace, given: Mapping[str, Any], parser: ArgumentParser) -> str:
        """Return those flags whose value in ``given`` is not the default, if nothing uses them."""
        names = [f"--{flag}" for flag in self.flags
                 if flag in given and given[flag] != parser.get_default(flag)]
        return "" if not names or self.is_used(opt) else " and ".join(names)

    def error(self, flags: str) -> str:
        it = "them" if " and " in flags else "it"
        fix = (f"add {self.user}, or leave {it} out" if self.user.startswith("--") else
               f"{self.user} would use it: leave one of them out")
        return f"{flags}: nothing uses {it} here; {fix}"


def read_flags(argv: Sequence[str], **types: Callable[[str], Any]) -> Namespace:
    """Read only the named flags of ``argv``; a flag that is not given is None."""
    parser = Parser(add_help=False)
    for name, convert in types.items():
        parser.add_argument(f"--{name}", type=convert)
    return parser.parse_known_args(argv)[0]


def given_flags(argv: Sequence[str], parser: Parser) -> dict[str, Any]:
    """Return the values that ``argv`` itself sets, without any default."""
    missing = object()
    blank = Namespace(**{action.dest: missing for action in parser._actions})
    with parser._nothing_required():
        words = [word for word in argv if word not in ("-h", "--help")]
        opt, _ = parser.parse_known_args(words, blank)
    return {key: value for key, value in vars(opt).items() if value is not missing}
