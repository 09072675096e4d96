"""The options of a run, on disk: ``train_opt.txt`` for people, ``train_opt.json`` for us."""

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import Any

from util.files import write_text

# Other values of these make another network, or another meaning of it.
OF_THE_NETWORK = ("input_nc", "output_nc", "netG", "ngf", "norm", "no_dropout", "direction")
RUNTIME = ("device",)  # chosen on this machine; says nothing about the run


def banner(opt: Namespace, parser: ArgumentParser) -> str:
    """Every option on a line, with the default where it differs."""
    lines = ["----------------- Options ---------------"]
    for key, value in sorted(_plain(opt).items()):
        default = _as_plain(parser.get_default(key))
        comment = "" if value == default else f"\t[default: {default!s}]"
        lines.append(f"{key:>25}: {value!s:<30}{comment}")
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


def load_options(run_dir: Path) -> dict[str, Any]:
    """The options a run was trained with, or {} where it left none.

    A run of the reference implementation has only ``train_opt.txt``; its values come back as
    text, which argparse converts like words of the command line.

    Raises:
        ValueError: ``train_opt.json`` is damaged.
    """
    path = run_dir / "train_opt.json"
    if path.is_file():
        try:
            options: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(options, dict):
                raise TypeError(f"holds a {type(options).__name__}, wanted names and values")
        except (json.JSONDecodeError, TypeError) as error:
            instead = "give the network flags by hand"
            if path.with_suffix(".txt").is_file():
                instead = f"the options are then read from {path.stem}.txt beside it"
            raise ValueError(f"{path} is damaged ({error}); delete it: {instead}") from error
        return options
    text = run_dir / "train_opt.txt"
    return _read_banner(text.read_text(encoding="utf-8")) if text.is_file() else {}


def contradiction(key: str, found: Any, wanted: Any, run_dir: Path) -> ValueError:
    """The error for a flag that says something else than the run."""
    flag = {"no_dropout": "--no_dropout / --dropout"}.get(key, f"--{key}")
    return ValueError(
        f"{flag}: the command line says {found}, the run {run_dir} was trained with {wanted}; "
        f"leave the flag out, or give {wanted}"
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
                value = action.type(value)
            if action.choices is not None and value not in action.choices:
                raise ValueError(f"wanted one of {', '.join(map(str, action.choices))}")
        except (ValueError, ArgumentTypeError) as error:
            raise ValueError(
                f"the options of {run_dir} say {key} = {value!r}, which cannot be: {error}; mend "
                "train_opt.json (or train_opt.txt), or delete it and give the flags by hand"
            ) from error
        values[key] = value
    return values


def _read_banner(text: str) -> dict[str, Any]:
    words: dict[str, Any] = {"True": True, "False": False, "None": None}
    options = {}
    for line in text.splitlines():
        key, colon, rest = line.partition(": ")
        if colon:
            value = rest.partition("\t[default:")[0].strip()
            options[key.strip()] = words.get(value, value)
    return options


def _plain(opt: Namespace) -> dict[str, Any]:
    return {key: _as_plain(value) for key, value in vars(opt).items() if key not in RUNTIME}


def _as_plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
