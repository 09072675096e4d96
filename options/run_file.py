"""The options of a run on disk: ``train_opt.txt`` for people, ``train_opt.json`` for programs."""

import json
import logging
from argparse import Action, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from util.files import write_text
from util.run_folder.options import invalid_option
from util.text import similar

log = logging.getLogger(__name__)

# Options that change the architecture of a network, or what its inputs and outputs mean.
NETWORK_OPTIONS = (
    "input_nc", "output_nc", "netG", "ngf", "norm", "no_dropout", "direction", "input_suffixes",
)
# Options that change the pixel values read from the files.
VALUE_OPTIONS = ("value_range_A", "value_range_B", "nan_value")
NOT_SAVED = ("device",)  # chosen for this machine; not a property of the run
WITHOUT_FLAG = {"isTrain", "val_values"}  # results of other options


def banner(
    opt: Namespace, parser: ArgumentParser, *, given: Collection[str] | None = None
) -> str:
    """Return one line per option, with the default if the value differs from it.

    ``given``: only these options of the command line, if they differ from their defaults; a line
    tells how many others there are, and where they are.
    """
    list_options = {action.dest for action in parser._actions if _takes_list(action)}
    lines = ["----------------- Options ---------------"]
    left_out = 0
    for key, value in sorted(_plain(opt).items()):
        default = _as_plain(parser.get_default(key))
        if given is not None and (value == default or key not in given):
            left_out += 1
            continue
        comment = "" if value == default else f"\t[default: {default!s}]"
        is_list = isinstance(value, list) and key in list_options
        text = " ".join(map(str, value)) if is_list else str(value)
        lines.append(f"{key:>25}: {text:<30}{comment}")
    lines.append("----------------- End -------------------")
    if left_out:
        lines.append(f"{left_out} more options are not changed by the command line. All are in "
                     f"{_stem(opt)}_opt.txt in the folder of the run (--verbose prints them).")
    return "\n".join(lines)


def save_options(opt: Namespace, parser: ArgumentParser) -> None:
    """Write both files."""
    stem = _stem(opt)
    run_dir = opt.checkpoints_dir / opt.name
    write_text(run_dir / f"{stem}_opt.txt", banner(opt, parser) + "\n")
    text = json.dumps(_plain(opt), indent=2, sort_keys=True)
    write_text(run_dir / f"{stem}_opt.json", text + "\n")


def _stem(opt: Namespace) -> str:
    """Return the name of the files; only a training writes ``train_opt``, which test.py reads."""
    if opt.isTrain:
        return "train"
    return "test" if opt.phase == "train" else str(opt.phase)


def contradiction(key: str, *, found: Any, wanted: Any, run_dir: Path) -> ValueError:
    """Return the error for a flag whose value differs from the one of the run."""
    flag = {"no_dropout": "--no_dropout / --dropout"}.get(key, f"--{key}")
    trained, same = f"with {as_typed(wanted)}", f", or give {as_typed(wanted)}"
    if wanted is None:
        trained, same = "without it", ""
    return ValueError(f"{flag}: the command line has {as_typed(found)}, the run {run_dir} was "
                      f"trained {trained}; leave the flag out{same}")


def log_unknown(
    saved: Mapping[str, Any], keys: Collection[str], parser: ArgumentParser, *, run_dir: Path,
    is_train: bool,
) -> None:
    """Log the names in train_opt.json that are no options; ``keys``: the options that are read.

    A test has no flags of the training: it only names what is nearly one of ``keys``.
    """
    path = run_dir / "train_opt.json"
    known = {action.dest for action in parser._actions} | WITHOUT_FLAG
    for key in sorted(saved.keys() - known) if path.is_file() else ():
        hint = similar(key, keys, cutoff=0.65 if is_train else 0.8)
        if is_train or hint:
            log.warning("%s has %s, which is not an option and has no effect%s", path, key, hint)


def file_of(run_dir: Path) -> Path:
    """Return the file from which the options of a run are read."""
    path = run_dir / "train_opt.json"
    return path if path.is_file() else path.with_suffix(".txt")


def convert_saved(saved: dict[str, Any], parser: ArgumentParser, run_dir: Path) -> dict[str, Any]:
    """Convert saved texts to the types of the flags: "64" in train_opt.txt becomes 64.

    Raises:
        ValueError: a flag does not accept the saved value.
    """
    actions = {action.dest: action for action in parser._actions}
    values = {}
    for key, value in saved.items():
        action = actions[key]
        try:
            converted = _converted(value, action, default=parser.get_default(key))
            for item in converted if _takes_list(action) and converted else [converted]:
                if not (action.choices is None or item is None or item in action.choices):
                    raise ValueError(f"expected one of {', '.join(map(str, action.choices))}")
        except (ValueError, ArgumentTypeError) as error:
            raise invalid_option(file_of(run_dir), key, value, error) from error
        values[key] = converted
    return values


def _converted(value: Any, action: Action, *, default: Any) -> Any:
    """Return a saved value as the parser of the command line would convert it.

    Raises:
        ValueError, ArgumentTypeError: the flag does not accept the value.
    """
    if value is None and default is None:
        return None
    is_switch = isinstance(value, bool) and isinstance(action.const, bool)
    if action.nargs == 0 and not is_switch:
        raise ValueError("expected true or false")
    if is_switch:  # also of flags that take on, off or auto
        return value
    convert = action.type if callable(action.type) else str
    if _takes_list(action):
        words = value.split() if isinstance(value, str) else value
        if not isinstance(words, list):
            raise ValueError("expected a list")
        return [convert(str(word)) for word in words]
    is_text = isinstance(value, str)
    if value is None or isinstance(value, bool) or (convert is str and not is_text):
        raise ValueError("expected a text" if convert is str else "expected a number or a text")
    converted = convert(value if is_text else as_typed(value))
    if isinstance(value, list) and converted != value:  # only types that return lists save them
        raise ValueError("expected a number or a text, not a list")
    return converted


def _takes_list(action: Action) -> bool:
    """Return whether the value is a list, as in ``--val_metrics l1 psnr``."""
    return action.nargs in ("+", "*")


def _plain(opt: Namespace) -> dict[str, Any]:
    return {key: _as_plain(value) for key, value in vars(opt).items() if key not in NOT_SAVED}


def _as_plain(value: Any) -> Any:
    """Return a value that the flag's type can read back: a tuple becomes a comma list."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value) if isinstance(value, Path) else value


def as_typed(value: Any) -> str:
    """Return a value as the user would type it on the command line."""
    if isinstance(value, list):
        return ",".join(map(str, value)) or "-1"  # an empty list of --gpu_ids is the CPU
    return "not given" if value is None else str(_as_plain(value)) or '""'
