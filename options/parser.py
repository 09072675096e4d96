"""An ArgumentParser with short error messages, and functions that read parts of a command line."""

from argparse import SUPPRESS, ArgumentDefaultsHelpFormatter, ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn


class HelpFormatter(ArgumentDefaultsHelpFormatter):
    """Shows the default of each flag, unless it is empty or a tuple, which mean "off"."""

    def _get_help_string(self, action: Any) -> str | None:
        is_off = isinstance(action.default, tuple) or action.default in (None, "", SUPPRESS)
        if is_off or action.nargs == 0:
            return action.help  # type: ignore[no-any-return]
        return super()._get_help_string(action)


class Parser(ArgumentParser):
    """Reports a mistake in two lines instead of four screens of usage."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=HelpFormatter, **kwargs)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse all arguments; suggest the right spelling of an unknown flag."""
        opt, unknown = self.parse_known_args(args, namespace)
        flags = [word.partition("=")[0] for word in unknown if word.startswith("--")]
        if unknown:
            close = [get_close_matches(flag, self._option_string_actions, 1) for flag in flags]
            hint = ", ".join(match for matches in close for match in matches)
            did_you_mean = f"; did you mean {hint}?" if hint else ""
            self.error(f"unrecognized arguments: {' '.join(unknown)}{did_you_mean}")
        return opt

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n(--help lists every flag)\n")


def read_flags(argv: Sequence[str], **types: Callable[[str], Any]) -> Namespace:
    """Read only the named flags of ``argv``; a flag that is not given is None."""
    parser = Parser(add_help=False)
    for name, convert in types.items():
        parser.add_argument(f"--{name}", type=convert)
    return parser.parse_known_args(argv)[0]


def given_flags(argv: Sequence[str], parser: ArgumentParser) -> dict[str, Any]:
    """Return the values that ``argv`` itself sets, without any default."""
    missing = object()
    blank = Namespace(**{action.dest: missing for action in parser._actions})
    required = [action for action in parser._actions if action.required]
    for action in required:
        action.required = False
    opt, _ = parser.parse_known_args([word for word in argv if word not in ("-h", "--help")], blank)
    for action in required:
        action.required = True
    return {key: value for key, value in vars(opt).items() if value is not missing}
