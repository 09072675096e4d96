"""The options of a run, on disk: ``train_opt.txt`` for people, ``train_opt.json`` for us."""

import json
from argparse import Action, ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import Any

from util.files import write_text

# Other values of these make another network, or another meaning of it.
OF_THE_NETWORK = (
    "input_nc", "output_nc", "netG", "ngf", "norm", "no_dropout", "direction", "input_suffixes",
)
# Other values of these make other numbers of the same files.
OF_THE_VALUES = ("value_range_A", "value_range_B")
RUNTIME = ("device",)  # chosen on this machine; says nothing about the run


def banner(opt: Namespace, parser: ArgumentParser) -> str:
    """Every option on a line, with the default where it differs."""
    of_words = {action.dest for action in parser._actions if _takes_words(action)}
    lines = ["----------------- Options ---------------"]
    for key, value in sorted(_plain(opt).items()):
        default = _as_plain(parser.get_default(key))
        comment = "" if value == default else f"\t[default: {default!s}]"
        several = isinstance(value, list) and key in of_words
        words = " ".join(map(str, value)) if several else str(value)
        lines.append(f"{key:>25}: {words:<30}{comment}")
    lines.append("----------------- End -------------------")
    return "\n".join(lines)


def save_options(opt: Namespace, parser: ArgumentParser) -> None:
    """Write both files. Only a training writes ``train_opt``, and always: test.py reads it."""
    stem = opt.phase
    if opt.isTrain:
        stem = "train"
    elif stem == "train":
        stem = "test"
    run_dir = opt.checkpoints_dir / opt.name
    write_text(run_dir / f"{stem}_opt.txt", banner(opt, parser) + "\n")
    text = json.dumps(_plain(opt), indent=2, sort_keys=True)
    write_text(run_dir / f"{stem}_opt.json", text + "\n")


def contradiction(key: str, found: Any, wanted: Any, run_dir: Path) -> ValueError:
    """The error for a flag that says something else than the run."""
    flag = {"no_dropout": "--no_dropout / --dropout"}.get(key, f"--{key}")
    return ValueError(
        f"{flag}: the command line says {_shown(found)}, the run {run_dir} was trained with "
        f"{_shown(wanted)}; leave the flag out, or give {_shown(wanted)}"
    )


def typed(saved: dict[str, Any], parser: ArgumentParser, run_dir: Path) -> dict[str, Any]:
    """Saved words as the parser's values: a text file holds "64", the parser holds 64.

    Raises:
        ValueError: a value that the flag would not take.
    """
    actions = {action.dest: action for action in parser._actions}
    values = {}
    for key, value in saved.items():
        action = actions[key]
        try:
            if isinstance(value, str) and callable(action.type):
                value = (
                    [action.type(word) for word in value.split()] if _takes_words(action)
                    else action.type(value)
                )
            if action.choices is not None and value not in action.choices:
                raise ValueError(f"wanted one of {', '.join(map(str, action.choices))}")
        except (ValueError, ArgumentTypeError) as error:
            raise ValueError(
                f"the options of {run_dir} say {key} = {value!r}, which cannot be: {error}; mend "
                "train_opt.json (or train_opt.txt), or delete it and give the flags by hand"
            ) from error
        values[key] = value
    return values


def _takes_words(action: Action) -> bool:
    """Whether its value is a list, such as that of ``--val_metrics l1 psnr``."""
    return action.nargs in ("+", "*")


def _plain(opt: Namespace) -> dict[str, Any]:
    return {key: _as_plain(value) for key, value in vars(opt).items() if key not in RUNTIME}


def _as_plain(value: Any) -> Any:
    """As the flag's type reads it back: a tuple becomes a comma list."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value) if isinstance(value, Path) else value


def _shown(value: Any) -> str:
    plain = str(_as_plain(value))
    return plain or '""'
