"""Functions that read the files of a run or of a results page, for tests."""

import csv
import re
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from util import checkpoint


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.width, picture.height


def read_losses(run_dir: Path) -> list[dict[str, str]]:
    with (run_dir / "losses.csv").open() as file:
        return list(csv.DictReader(file))


def flat(state: Any, name: str = "") -> dict[str, Any]:
    """Convert nested dicts and lists to {path: value}."""
    if isinstance(state, dict):
        items = list(state.items())
    elif isinstance(state, list | tuple):
        items = list(enumerate(state))
    else:
        return {name: state}
    return {key: leaf for k, v in items for key, leaf in flat(v, f"{name}.{k}").items()}


def load_state(run_dir: Path) -> dict[str, Any]:
    """Return ``latest_state.pth`` flattened, without the log sizes, which depend on time."""
    state = checkpoint.load(run_dir / "latest_state.pth")
    del state["logs"]
    return flat(state)


def logged(run_dir: Path) -> list[list[str]]:
    """Return the rows of losses.csv and the lines of loss_log.txt, without times and headers."""
    timing = ("seconds", "data_share")
    rows = [[v for k, v in row.items() if k not in timing] for row in read_losses(run_dir)]
    lines = (run_dir / "loss_log.txt").read_text().splitlines()
    return rows + [[re.sub(r"time: .*?\)", "", line)] for line in lines if line[0] == "("]


def differences(first: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Return the names of values that are not bit-identical."""
    assert first.keys() == other.keys()
    return [
        name
        for name, value in first.items()
        if not (
            torch.equal(value, other[name])
            if isinstance(value, torch.Tensor)
            else value == other[name]
        )
    ]


def bytes_of(page: Path) -> dict[str, bytes]:
    """Return the images of a results page: path -> content of the file."""
    folder = page.parent / "images"
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.png")}
