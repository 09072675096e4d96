"""The model card beside an exported file: ``<file>.md``."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from inference.export.metadata import ExportMetadata
from inference.export.verify import Difference, report_lines
from util.disk.state_check import describe
from util.disk.text_files import read_csv, read_json
from util.files import write_text
from util.run_folder.layout import BEST
from util.run_folder.options import load_options

# Options of the training that shaped the network; the others are in train_opt.json.
OPTIONS = ("model", "dataset_mode", "direction", "netG", "ngf", "norm", "no_dropout", "gan_mode",
           "lambda_L1", "lambda_A", "lambda_B", "lambda_identity", "batch_size", "lr", "n_epochs",
           "n_epochs_decay", "load_size", "crop_size", "preprocess", "seed")
NOT_METRICS = ("epoch", "images", "epoch_images", "lr", "seconds", "data_share")


def write_card(
    path: Path, metadata: ExportMetadata, *, digest: str, run_dir: Path | None, weights_file: Path,
    norm_text: str, differences: Sequence[Difference], image_count: int, runtime: str, licence: str,
) -> Path:
    """Write the card, and return its path.

    ``run_dir``: the folder of the training; None: a .pth file without one. ``image_count``: number
    of images that the differences are measured on; 0: they are measured on noise.
    """
    log = _loss_log(run_dir) if run_dir else []
    options = load_options(run_dir) if run_dir else {}
    sections = {
        "File": {"file": path.name, "SHA-256": digest,
                 "size": f"{path.stat().st_size:,} bytes", "runtime": runtime,
                 "licence": licence or "not stated: ask the person who trained it"},
        "Contract": {k: "unknown" if v == "" else v for k, v in metadata.as_text().items()},
        "Norms": {"statistics": norm_text, "dropout": "off"},
        "Training": {
            "weights": weights_file.name,
            "training set": _set_size(log),
            **{name: options[name] for name in OPTIONS if options.get(name) not in (None, "")},
        },
        "Metrics": _metrics(run_dir, log),
    }
    text = [f"# {metadata.name}, epoch {metadata.epoch}, {metadata.direction}", ""]
    for title, facts in sections.items():
        text += [f"## {title}", "", *(f"- {name}: {value}" for name, value in facts.items()), ""]
    inputs = f"on {image_count} images" if image_count else "on noise: no images were available"
    text += ["## Verified against PyTorch", "", f"- {inputs}",
             *(f"- {line}" for line in report_lines(differences))]
    card = path.with_name(f"{path.name}.md")
    write_text(card, escape("\n".join(text), quote=False) + "\n")  # Markdown may hold HTML
    return card


def _loss_log(run_dir: Path) -> list[dict[str, str]]:
    path = run_dir / "losses.csv"
    return read_csv(path, advice="move it out of the folder") if path.exists() else []


def _set_size(log: Sequence[Mapping[str, str]]) -> str:
    """Return the size of the training set: images before an epoch, divided by their epochs."""
    for row in reversed(log):
        try:
            epoch, images = int(row["epoch"]), int(row["images"])
            earlier = images - int(row["epoch_images"])
        except (KeyError, TypeError, ValueError):
            continue
        if epoch > 1:
            return f"{round(earlier / (epoch - 1)):,} images; {images:,} were shown"
        return f"at least {images:,} images"
    return "unknown"


def _metrics(run_dir: Path | None, log: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Return the values of the best validation, or the last losses."""
    best = run_dir / BEST if run_dir else None
    if best and best.exists():
        record = read_json(best, advice="move it out of the folder")
        if not isinstance(record.get("values"), dict) or "epoch" not in record:
            raise ValueError(f"{best} is damaged (it is {describe(record)}, wanted epoch and "
                             "values); move it out of the folder")
        return {"best validation": f"epoch {record['epoch']}", **record["values"]}
    if log:
        last = {k: v for k, v in log[-1].items() if k and k not in NOT_METRICS and v}
        return {"validation": "none", "losses": f"epoch {log[-1].get('epoch')}", **last}
    return {"known": "none"}
