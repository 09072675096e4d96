"""The page of an evaluation: its numbers and its image files."""

import hashlib
import logging
import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from data.files.value_range import LEVELS, ValueRange
from display.pages.evaluation_page import (
    Column,
    PictureRow,
    RunColumn,
    ScoreCell,
    key_of_page,
    write_evaluation_page,
)
from display.pages.run_links import EVALUATION, link_page, relative
from metrics import find_metric
from metrics.evaluation import Evaluation
from metrics.metric_image import MetricImage
from metrics.report.compared_sets import ComparedSet
from metrics.report.tables import in_order, label_of, remarks
from util.disk.content import extension_of
from util.files import replacing
from util.pixel_values import unit_to_levels

log = logging.getLogger(__name__)
NAME_LENGTH = 80  # characters of the names of the runs in the name of a folder
BROWSER_FORMATS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
LARGEST = 2**20  # bytes; the page shows a small copy of a larger file
COPY_SIDE = 512  # longer side in pixels


def write_report_page(
    path: Path, sets: Sequence[ComparedSet], evaluations: Mapping[str, Evaluation],
) -> None:
    """Write the page, which links the images and the pages of results; log what it replaces.

    Small copies of images that browsers do not show are written to ``<name of the page>_pictures``.
    """
    key, earlier = _key(sets), key_of_page(path)
    metrics = {name: find_metric(name) for name in in_order(evaluations)}
    columns = [Column(name, label_of(name, evaluations), it.higher_is_better, it.places,
                      it.per_picture) for name, it in metrics.items()]
    runs = []
    for run, evaluation in evaluations.items():
        cells = {name: ScoreCell(score.value, score.error, score.parts)
                 for name, score in evaluation.scores.items()}
        runs.append(RunColumn(run, cells, remarks(evaluation)))
    facts = [f"{compared.name}: {compared.describe()}" for compared in sets]
    facts.append(f"Written {time.strftime('%d %b %Y, %H:%M')}.")
    pages = {f"results of {compared.name}": compared.page for compared in sets
             if compared.page and compared.page.is_file()}
    links = {text: relative(page, path.parent) for text, page in pages.items()}
    rows = _rows(path, sets, evaluations)
    write_evaluation_page(path, "Evaluation", "\n".join(facts), columns=columns, runs=runs,
                          pictures=rows, key=key, links={k: v for k, v in links.items() if v})
    for page in pages.values():
        link_page(page.parent, path, EVALUATION)
    log.info("wrote %s%s", path, " again: the same images" * (earlier == key))
    if earlier not in (key, None):
        log.warning("%s held another page, which is replaced; give --html another name to keep "
                    "both", path)


def default_page(results_dir: Path, sets: Sequence[ComparedSet]) -> Path:
    """Return a page for these images; other images have another one."""
    names = re.sub(r"[^\w.-]+", "_", "_vs_".join(compared.name for compared in sets))
    return results_dir / "evaluation" / f"{names[:NAME_LENGTH]}_{_key(sets)}" / "index.html"


def _key(sets: Sequence[ComparedSet]) -> str:
    """Return 8 characters that identify the compared folders."""
    return hashlib.sha1("\n".join(compared.place for compared in sets).encode()).hexdigest()[:8]


def _rows(
    page: Path, sets: Sequence[ComparedSet], evaluations: Mapping[str, Evaluation]
) -> list[PictureRow]:
    links: dict[Path, str] = {}
    rows: dict[str, PictureRow] = {}
    for compared in sets:
        limits = evaluations[compared.name].shown
        of_run = f" of {compared.name}" if compared.own_targets else ""
        for files in compared.files:
            # Without pairs, an output and a target with the same name are two images.
            is_target = compared.unpaired and not files.fake
            key = f"{files.name} (target)" if is_target else files.name
            row = rows.setdefault(key, PictureRow(key))
            for label, file in (
                (f"input{of_run}", files.given), (compared.name, files.fake),
                (f"target{of_run}", files.real),
            ):
                if file and label not in row.shown:
                    if file not in links:
                        links[file] = _link(page, file, len(links), limits)
                    row.shown[label] = links[file]
            row.values[compared.name] = evaluations[compared.name].values.get(files.name, {})
    return list(rows.values())


def _link(page: Path, file: Path, number: int, limits: ValueRange | None) -> str:
    """Return the path of the image, or of a small copy, relative to the page."""
    stretched = limits not in (None, LEVELS)
    if stretched or extension_of(file) not in BROWSER_FORMATS or file.stat().st_size > LARGEST:
        copy = page.with_name(f"{page.stem}_pictures") / f"{number}.png"
        _copy_small(file, copy, limits)
        file = copy
    return Path(os.path.relpath(file.resolve(), page.parent.resolve())).as_posix()


def _copy_small(file: Path, copy: Path, limits: ValueRange | None) -> None:
    """Write a small PNG: RGB, or the mean of the channels if they are not colours."""
    unit = MetricImage.read(file, limits).unit.clip(0, 1)
    if unit.shape[2] not in (1, 3):
        unit = unit.mean(axis=2, keepdims=True)
    image = Image.fromarray(np.repeat(unit_to_levels(unit), 3 // unit.shape[2], 2))
    image.thumbnail((COPY_SIDE, COPY_SIDE))
    with replacing(copy) as aside:
        image.save(aside)
