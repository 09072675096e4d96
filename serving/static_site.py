"""A folder for any web host: the page, the exported network, and what runs it in the browser.

    index.html ...  model.json  AtoB.onnx  onnxruntime/  samples/AtoB/0.png
"""

import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.raster import Pixels
from models.export.exporter import Exporter, Request
from models.export.norms import BnMode
from serving.description import Description, DirectionDescription
from serving.engine import Engine
from serving.onnxruntime_web import runtime_files
from util.files import write_text
from util.images import save_picture
from util.npm_packages import write
from util.picture_files import PictureError

log = logging.getLogger(__name__)
PAGE = Path(__file__).with_name("page")
OF_THE_SERVER = ("docs.html", "docs.css", "docs.js")
MARK = "model.json"  # written last: a folder without it is no finished site
VERIFIED_ON = 2  # samples


def write_site(
    folder: Path, engine: Engine, description: Description, *, epoch: str, run_dir: Path | None,
    archive: Path | None = None,
) -> None:
    """``run_dir``: None for a bare file. ``archive``: onnxruntime-web, as npm packed it.

    Raises:
        FileExistsError: the folder holds something else.
        FileNotFoundError, ConnectionError: onnxruntime-web cannot be had.
        ValueError: the exported network does not do what the network does.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise FileExistsError(
            f"{folder} holds something that is no page of ours (no {MARK}); name another folder"
        )
    runtime = runtime_files(archive)  # before the slow part
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).unlink(missing_ok=True)
    model = description.as_json() | {"engine": "onnx"}
    for one, entry in zip(description.directions, model["directions"], strict=True):
        entry |= _write_network(folder, engine, description, one, epoch=epoch, run_dir=run_dir)
        _write_samples(folder, description, one, entry)
    write(runtime, folder / "onnxruntime")
    for file in PAGE.iterdir():
        if file.name not in OF_THE_SERVER:
            shutil.copyfile(file, folder / file.name)
    write_text(folder / MARK, json.dumps(model) + "\n")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    log.info("%s: %.1f MB; try it by `python -m http.server --directory %s`", folder,
             size / 2**20, folder)


def _write_network(
    folder: Path, engine: Engine, description: Description, one: DirectionDescription, *,
    epoch: str, run_dir: Path | None,
) -> dict[str, Any]:
    translator = engine.translators[one.direction]
    statistics: BnMode = "running" if translator.running_statistics else "batch"
    request = Request(description.name, epoch, "onnx", run_dir=run_dir, bn_mode=statistics)
    exporter = Exporter(translator.file, request)
    if {exporter.input_dtype, exporter.output_dtype} != {"uint8"}:
        raise ValueError(
            f"{translator.file.path} turns {exporter.input_dtype} into {exporter.output_dtype}; "
            "browsers have pictures of 8 bits alone: translate with test.py"
        )
    log.info("%s: %s%s", one.direction, exporter.norm_words,
             "; without the dropout that test.py draws by --seed" if exporter.dropout else "")
    file = folder / f"{one.direction}.onnx"
    exporter.write(file, _pictures(translator.input.channels, description, one))
    return {"onnx": file.name, "channels": translator.input.channels}


def _pictures(
    channels: int, description: Description, one: DirectionDescription
) -> list[Pixels]:
    """Those on which the file is verified."""
    samples = range(min(VERIFIED_ON, len(one.samples)))
    return [description.sample(one, number)[:, :, :channels] for number in samples]


def _write_samples(
    folder: Path, description: Description, one: DirectionDescription, entry: Mapping[str, Any]
) -> None:
    for number, sample in enumerate(entry["samples"]):
        try:
            levels = description.sample(one, number)
        except PictureError as error:
            log.warning("%s is left out: %s", sample["name"], error)
            continue
        path = folder / sample["url"]
        path.parent.mkdir(parents=True, exist_ok=True)
        save_picture(levels, path)
