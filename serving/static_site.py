"""Write a folder for any web host: the page, the exported network, and its runtime.

    index.html ...  model.json  AtoB.onnx  onnxruntime/  samples/AtoB/0.png
"""

import json
import logging
import shlex
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from data.files.pillow_files import PictureError
from display import npm_packages
from display.images import save_picture
from inference.export.exporter import Exporter, ExportRequest
from inference.export.norms import BnMode
from inference.generator_file import GeneratorFile
from serving.answers import SampleLink
from serving.description import DirectionDescription, RunDescription
from serving.engine import Engine
from serving.onnxruntime_web import LICENCE, runtime_files
from serving.training_pictures import RgbPixels
from util.files import write_text
from util.text import format_bytes

log = logging.getLogger(__name__)
PAGE = Path(__file__).with_name("page")
SERVER_ONLY = ("docs.html", "docs.js")
FIRST = "onnx_worker.js"  # written first: a folder that holds it may be overwritten
LAST = "model.json"  # written last: without it, the page shows that the folder is incomplete
VERIFIED_ON = 2  # samples on which the export is compared with PyTorch


def write_site(
    folder: Path, engine: Engine, description: RunDescription, *, epoch: str, run_dir: Path | None,
    archive: Path | None = None,
) -> None:
    """Write the site. ``run_dir``: None for a single .pth file.

    ``archive``: a file of `npm pack` with onnxruntime-web; None: fetch it by npm.

    Raises:
        FileExistsError: the folder holds something else.
        FileNotFoundError, ConnectionError: onnxruntime-web cannot be fetched.
        ValueError: the exported network gives other results than PyTorch.
    """
    require_overwritable(folder)
    runtime = runtime_files(archive)  # before the slow part
    folder.mkdir(parents=True, exist_ok=True)
    (folder / LAST).unlink(missing_ok=True)
    for old in (*folder.glob("*.onnx*"), *folder.glob("samples/*/*.png")):
        old.unlink()  # they may belong to another run
    pages = [file for file in PAGE.iterdir() if file.name not in SERVER_ONLY]
    for file in sorted(pages, key=lambda file: file.name != FIRST):
        shutil.copyfile(file, folder / file.name)
    npm_packages.write(runtime, folder / "onnxruntime")
    shutil.copyfile(LICENCE, folder / "onnxruntime" / "LICENSE.txt")
    directions = [
        _write_direction(folder, engine, description, direction, epoch=epoch, run_dir=run_dir)
        for direction in description.directions
    ]
    model = asdict(description.info("onnx")) | {"directions": directions}
    write_text(folder / LAST, json.dumps(model) + "\n")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    log.info("%s: %s; try it by `python -m http.server --bind 127.0.0.1 --directory %s`", folder,
             format_bytes(size, digits=1), shlex.quote(str(folder)))


def require_overwritable(folder: Path) -> None:
    """Raise FileExistsError if the folder holds something else, or is a file."""
    is_free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not is_free and not (folder / FIRST).is_file():
        raise FileExistsError(f"{folder} is not a page that this program wrote (no {FIRST}); "
                              "choose another folder")


def _write_direction(
    folder: Path, engine: Engine, description: RunDescription, direction: DirectionDescription, *,
    epoch: str, run_dir: Path | None,
) -> dict[str, Any]:
    """Write the samples and the network. Return the entry of model.json."""
    samples: list[tuple[SampleLink, RgbPixels]] = []
    for number, link in enumerate(direction.info.samples):
        try:
            samples.append((link, description.sample(direction, number)))
        except PictureError as error:
            log.warning("%s is left out: %s", link.name, error)
    for link, pixels in samples:
        path = folder / link.url
        path.parent.mkdir(parents=True, exist_ok=True)
        save_picture(pixels, path)
    translator = engine.translators[direction.info.id]
    statistics: BnMode = "running" if translator.running_statistics else "batch"
    request = ExportRequest(description.name, epoch, "onnx", run_dir=run_dir, bn_mode=statistics)
    exporter = Exporter(_with_bytes(translator.file), request)
    if {exporter.input_dtype, exporter.output_dtype} != {"uint8"}:
        raise ValueError(f"{translator.file.path} translates {exporter.input_dtype} into "
                         f"{exporter.output_dtype}; browsers support only images of 8 bits: use "
                         "test.py")
    log.info("%s: %s%s", direction.info.id, exporter.norm_text,
             "; without the dropout that test.py draws by --seed" if exporter.dropout else "")
    channels, file = translator.input.channels, folder / f"{direction.info.id}.onnx"
    images = [pixels[:, :, :channels] for _, pixels in samples[:VERIFIED_ON]]
    exporter.write(file, images or [exporter.noise(description.size[::-1])])
    info = replace(direction.info, samples=[link for link, _ in samples])
    return asdict(info) | {"onnx": file.name, "channels": channels}


def _with_bytes(file: GeneratorFile) -> GeneratorFile:
    """Return the generator without the value ranges of its 8-bit sides.

    The page shows such images, for example masks of 0 and 1, over the whole range.
    """
    formats = file.record.formats
    others = {letter: limits for letter, limits in file.ranges.items()
              if letter not in formats or formats[letter].dtype != "uint8"}
    return replace(file, ranges=others)
