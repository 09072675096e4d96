"""A folder for any web host: the page, the exported network, and what runs it in the browser.

    index.html ...  model.json  AtoB.onnx  onnxruntime/  samples/AtoB/0.png
"""

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from data.files.pillow_files import PictureError, read_rgb
from display.images import save_picture
from display.npm_packages import write
from inference.export.exporter import Exporter, Request
from inference.export.norms import BnMode
from serving.description import DirectionDescription, RunDescription
from serving.engine import Engine
from serving.onnxruntime_web import LICENCE, runtime_files
from util.files import write_text
from util.text import format_bytes

log = logging.getLogger(__name__)
PAGE = Path(__file__).with_name("page")
SERVER_ONLY = ("docs.html", "docs.js")
OURS = "onnx_worker.js"  # written first: a folder that holds it may be overwritten
LAST = "model.json"  # written last: without it the page says that it lacks
VERIFIED_ON = 2  # samples


def write_site(
    folder: Path, engine: Engine, description: RunDescription, *, epoch: str, run_dir: Path | None,
    archive: Path | None = None,
) -> None:
    """``run_dir``: None for a bare file. ``archive``: onnxruntime-web, as npm packed it.

    Raises:
        FileExistsError: the folder holds something else.
        FileNotFoundError, ConnectionError: onnxruntime-web cannot be had.
        ValueError: the exported network does not do what the network does.
    """
    require_ours(folder)
    runtime = runtime_files(archive)  # before the slow part
    folder.mkdir(parents=True, exist_ok=True)
    (folder / LAST).unlink(missing_ok=True)
    for old in (*folder.glob("*.onnx*"), *folder.glob("samples/*/*.png")):
        old.unlink()  # of another run, perhaps
    pages = [file for file in PAGE.iterdir() if file.name not in SERVER_ONLY]
    for file in sorted(pages, key=lambda file: file.name != OURS):
        shutil.copyfile(file, folder / file.name)
    write(runtime, folder / "onnxruntime")
    shutil.copyfile(LICENCE, folder / "onnxruntime" / "LICENSE.txt")
    model = asdict(description.info("onnx"))
    for one, entry in zip(description.directions, model["directions"], strict=True):
        entry["samples"] = _write_samples(folder, description, one, entry["samples"])
        files = [folder / sample["url"] for sample in entry["samples"]]
        entry |= _write_network(
            folder, engine, description, one, samples=files, epoch=epoch, run_dir=run_dir
        )
    write_text(folder / LAST, json.dumps(model) + "\n")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    log.info("%s: %s; try it by `python -m http.server --directory %s`", folder,
             format_bytes(size, digits=1), folder)


def require_ours(folder: Path) -> None:
    """Raises FileExistsError: the folder holds something else, or is a file."""
    is_free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not is_free and not (folder / OURS).is_file():
        raise FileExistsError(
            f"{folder} holds something that is no page of ours (no {OURS}); name another folder"
        )


def _write_network(
    folder: Path, engine: Engine, description: RunDescription, one: DirectionDescription, *,
    samples: Sequence[Path], epoch: str, run_dir: Path | None,
) -> dict[str, Any]:
    translator = engine.translators[one.info.id]
    statistics: BnMode = "running" if translator.running_statistics else "batch"
    request = Request(description.name, epoch, "onnx", run_dir=run_dir, bn_mode=statistics)
    exporter = Exporter(translator.file, request)
    if {exporter.input_dtype, exporter.output_dtype} != {"uint8"}:
        raise ValueError(
            f"{translator.file.path} turns {exporter.input_dtype} into {exporter.output_dtype}; "
            "browsers have pictures of 8 bits alone: translate with test.py"
        )
    log.info("%s: %s%s", one.info.id, exporter.norm_words,
             "; without the dropout that test.py draws by --seed" if exporter.dropout else "")
    channels = translator.input.channels
    pictures = [
        np.asarray(read_rgb(sample))[:, :, :channels] for sample in samples[:VERIFIED_ON]
    ]
    file = folder / f"{one.info.id}.onnx"
    exporter.write(file, pictures or [exporter.noise(description.size[::-1])])
    return {"onnx": file.name, "channels": channels}


def _write_samples(
    folder: Path, description: RunDescription, one: DirectionDescription,
    samples: Sequence[dict[str, str]],
) -> list[dict[str, str]]:
    """Those of ``samples`` (name, url) that could be read."""
    written = []
    for number, sample in enumerate(samples):
        try:
            levels = description.sample(one, number)
        except PictureError as error:
            log.warning("%s is left out: %s", sample["name"], error)
            continue
        path = folder / sample["url"]
        path.parent.mkdir(parents=True, exist_ok=True)
        save_picture(levels, path)
        written.append(sample)
    return written
