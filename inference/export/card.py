"""The model card beside an exported file: ``<file>.md``."""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inference.export.metadata import Description
from inference.export.verify import Difference, lines
from util.files import write_text
from util.run_folder.layout import BEST
from util.run_folder.options import load_options

# Of the training: what shaped the network. The rest is in train_opt.json.
OPTIONS = (
    "model", "dataset_mode", "direction", "netG", "ngf", "norm", "no_dropout", "gan_mode",
    "lambda_L1", "lambda_A", "lambda_B", "lambda_identity", "batch_size", "lr", "n_epochs",
    "n_epochs_decay", "load_size", "crop_size", "preprocess", "seed",
)
NOT_METRICS = ("epoch", "images", "epoch_images", "lr", "seconds", "data_share")


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def card_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.md")


def write_card(
    path: Path, description: Description, *, run_dir: Path | None, weights_file: Path,
    norm_words: str, differences: Sequence[Difference], pictures: int, runtime: str, licence: str,
) -> Path:
    """``run_dir``: the folder of the training; None: a bare file, which knows nothing of it.

    ``pictures``: how many the differences are measured on; 0: on noise.
    """
    rows = _rows(run_dir) if run_dir else []
    sections = {
        "File": {
            "file": path.name,
            "SHA-256": sha256(path),
            "size": f"{path.stat().st_size:,} bytes",
            "runtime": runtime,
            "licence": licence or "not stated: ask whoever trained it",
        },
        "Contract": description.metadata(),
        "Norms": {"statistics": norm_words, "dropout": "off"},
        "Training": {
            "weights": weights_file.name,
            "training set": _set_size(rows),
            **_chosen(load_options(run_dir) if run_dir else {}),
        },
        "Metrics": _metrics(run_dir, rows),
    }
    text = [f"# {description.name}, epoch {description.epoch}, {description.direction}", ""]
    for title, facts in sections.items():
        items = [f"- {name}: {_said(value)}" for name, value in facts.items()]
        text += [f"## {title}", "", *items, ""]
    place = f"on {pictures} pictures" if pictures else "on noise: there were no pictures"
    text += ["## Verified against PyTorch", "", f"- {place}",
             *(f"- {one}" for one in lines(differences))]
    write_text(card_of(path), "\n".join(text) + "\n")
    return card_of(path)


def _said(value: Any) -> Any:
    return "not said" if value == "" else value


def _chosen(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in OPTIONS if options.get(name) not in (None, "")}


def _rows(run_dir: Path) -> list[dict[str, str]]:
    path = run_dir / "losses.csv"
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _set_size(rows: Sequence[Mapping[str, str]]) -> str:
    """Counted in losses.csv: all images before an epoch, by the epochs that saw them."""
    for row in reversed(rows):
        try:
            epoch, images = int(row["epoch"]), int(row["images"])
            before = images - int(row["epoch_images"])
        except (KeyError, TypeError, ValueError):
            continue
        if epoch > 1:
            return f"{round(before / (epoch - 1)):,} pictures; {images:,} were shown"
        return f"at least {images:,} pictures"
    return "unknown"


def _metrics(run_dir: Path | None, rows: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Those of the best validation, or the last losses; of a bare file none."""
    best = run_dir / BEST if run_dir else None
    if best and best.is_file():
        found = json.loads(best.read_text(encoding="utf-8"))
        return {"best validation": f"epoch {found['epoch']}", **found["values"]}
    if rows:
        last = {k: v for k, v in rows[-1].items() if k and k not in NOT_METRICS and v}
        return {"validation": "none", "losses": f"epoch {rows[-1]['epoch']}", **last}
    return {"known": "none"}
