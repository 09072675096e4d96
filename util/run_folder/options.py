"""Read back the options that a training wrote into its folder."""

import json
from pathlib import Path
from typing import Any


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


def _read_banner(text: str) -> dict[str, Any]:
    words: dict[str, Any] = {"True": True, "False": False, "None": None}
    options = {}
    for line in text.splitlines():
        key, colon, rest = line.partition(": ")
        if colon:
            value = rest.partition("\t[default:")[0].strip()
            options[key.strip()] = words.get(value, value)
    return options
