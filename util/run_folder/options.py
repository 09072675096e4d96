"""Read the options that a training has written into its folder."""

import json
from pathlib import Path
from typing import Any


def load_options(run_dir: Path) -> dict[str, Any]:
    """Return the options of a run, or {} if the folder has none.

    A run of the reference implementation has only ``train_opt.txt``. Its values are returned as
    text, which argparse converts like arguments of the command line.

    Raises:
        ValueError: ``train_opt.json`` is damaged.
    """
    path = run_dir / "train_opt.json"
    if path.is_file():
        try:
            options: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(options, dict):
                raise TypeError(f"holds a {type(options).__name__}, expected names and values")
        except (json.JSONDecodeError, TypeError) as error:
            advice = "delete it and give the network flags on the command line"
            if path.with_suffix(".txt").is_file():
                advice = f"delete it: the options are then read from {path.stem}.txt"
            raise ValueError(f"{path} is damaged ({error}); {advice}") from error
        return options
    text = run_dir / "train_opt.txt"
    return _read_banner(text.read_text(encoding="utf-8")) if text.is_file() else {}


def _read_banner(text: str) -> dict[str, Any]:
    constants: dict[str, Any] = {"True": True, "False": False, "None": None}
    options = {}
    for line in text.splitlines():
        key, colon, rest = line.partition(": ")
        if colon:
            value = rest.partition("\t[default:")[0].strip()
            options[key.strip()] = constants.get(value, value)
    return options
