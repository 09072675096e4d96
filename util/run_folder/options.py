"""Read the options that a training has written into its folder."""

import math
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from util import flags
from util.disk.state_check import describe
from util.disk.text_files import read_json, read_text


def _text(value: str) -> str:
    if not value or "/" in value:
        raise ArgumentTypeError("must be a name")
    return value


# Options that are used without the flag's own type: by the programs that load a generator.
_TYPES: Mapping[str, Callable[[str], object]] = {
    **dict.fromkeys(("ngf", "ndf", "input_nc", "output_nc", "load_size", "crop_size"),
                    flags.positive_int),
    **dict.fromkeys(("netG", "netD", "norm", "model", "dataset_mode"), _text),
    "direction": flags.one_of(("AtoB", "BtoA")), "input_suffixes": flags.suffixes,
}
_MAY_BE_MISSING: Mapping[str, Callable[[str], object]] = {
    "value_range_A": flags.value_range, "value_range_B": flags.value_range,
    "nan_value": flags.nan_value, "dataroot": str,
}


def load_options(run_dir: Path) -> dict[str, Any]:
    """Return the options of a run, or {} if the folder has none.

    A run of the reference implementation has only ``train_opt.txt``. Its values are returned as
    text, which argparse converts like arguments of the command line.

    Raises:
        ValueError: the file is damaged, or an option has a value of another type.
    """
    path, text = run_dir / "train_opt.json", run_dir / "train_opt.txt"
    flags_advice = "delete it and give the network flags on the command line"
    if path.exists():
        has_text = text.is_file()
        advice = "delete it: the options are then read from train_opt.txt"
        options = read_json(path, advice=advice if has_text else flags_advice)
    elif text.exists():
        path, options = text, _read_banner(read_text(text, advice=flags_advice))
    else:
        return {}
    for key, value in options.items():
        if reason := _fault(key, value):
            raise invalid_option(path, key, value, reason)
    return options


def invalid_option(path: Path, key: str, value: Any, reason: object) -> ValueError:
    """Return the error for an option in ``path`` that its flag does not accept."""
    return ValueError(f"{path} has {key} = {describe(value)}, which is not valid: {reason}; "
                      "correct it, or delete the file and give the flags on the command line")


def _fault(key: str, value: Any) -> str:
    """Return why the value is not one that a training writes; "" if it is."""
    if isinstance(value, dict) or (isinstance(value, list)
                                   and any(isinstance(item, dict | list) for item in value)):
        return "a number, a text or a list of them is wanted"
    if isinstance(value, float) and not math.isfinite(value):
        return "a finite number is wanted"
    if key == "no_dropout" and not isinstance(value, bool):
        return "true or false is wanted"
    check = _TYPES.get(key) or (_MAY_BE_MISSING.get(key) if value is not None else None)
    if check is None:
        return ""
    if value is None or isinstance(value, bool | list):
        return "a number or a text is wanted"
    if check is not flags.positive_int and not isinstance(value, str):
        return "a text is wanted"
    try:
        check(str(value))
    except ArgumentTypeError as error:
        return str(error)
    return "" if key != "direction" or value in ("AtoB", "BtoA") else "AtoB or BtoA is wanted"


def _read_banner(text: str) -> dict[str, Any]:
    constants: dict[str, Any] = {"True": True, "False": False, "None": None}
    options = {}
    for line in text.splitlines():
        key, colon, rest = line.partition(": ")
        if colon:
            value = rest.partition("\t[default:")[0].strip()
            options[key.strip()] = constants.get(value, value)
    return _without_names_of_cut(options)


def _without_names_of_cut(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a run of CUT's authors with the names that they have here."""
    if "normG" in options:
        options["norm"] = options.pop("normG")
    if options.get("display_id", 0) is None:  # any window
        options.pop("display_id")
    for flag in ("antialias", "antialias_up"):
        if f"no_{flag}" in options:
            options[flag] = not options.pop(f"no_{flag}")
    if "antialias" in options:
        options.setdefault("antialias_D", options["antialias"])
    return options
