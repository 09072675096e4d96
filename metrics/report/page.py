"""The page of an evaluation: its numbers and its image files."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from data.files.value_range import ValueRange
from display.pages.evaluation_page import (
    Column,
    PictureRow,
    RunColumn,
    ScoreCell,
    write_evaluation_page,
)
from metrics import find_metric
from metrics.evaluation import Evaluation
from metrics.metric_image import MetricImage
from metrics.report.compared_sets import ComparedSet
from metrics.report.tables import in_order, remarks
from util.files import replacing
from util.pixel_values import unit_to_levels

BROWSER_FORMATS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
LARGEST = 2**20  # bytes; the page shows a small copy of a larger file
COPY_SIDE = 512  # longer side in pixels


def write_report_page(
    path: Path,
    sets: Sequence[ComparedSet],
    evaluations: Mapping[str, Evaluation],
    limits: ValueRange | None = None,
) -> None:
    """Write the page, which links the images.

    Small copies of images that browsers do not show are written to ``<name of the page>_pictures``.
    """
    columns = []
    for name in in_order(evaluations):
        metric = find_metric(name)
        columns.append(Column(
            name, metric.label, metric.higher_is_better, metric.places, metric.per_picture
        ))
    runs = []
    for run, evaluation in evaluations.items():
        cells = {name: ScoreCell(score.value, score.error, score.parts)
                 for name, score in evaluation.scores.items()}
        runs.append(RunColumn(run, cells, remarks(evaluation)))
    facts = "\n".join(f"{compared.name}: {compared.describe()}" for compared in sets)
    rows = _rows(path, sets, evaluations, limits)
    write_evaluation_page(path, "Evaluation", facts, columns=columns, runs=runs, pictures=rows)


def _rows(
    page: Path, sets: Sequence[ComparedSet], evaluations: Mapping[str, Evaluation],
    limits: ValueRange | None,
) -> list[PictureRow]:
    links = _Links(page, limits)
    rows: dict[str, PictureRow] = {}
    for compared in sets:
        for files in compared.files:
            # Without pairs, an output and a target with the same name are two images.
            is_target = compared.unpaired and not files.fake
            key = f"{files.name} (target)" if is_target else files.name
            row = rows.setdefault(key, PictureRow(key))
            for label, file in (
                ("input", files.given), (compared.name, files.fake), ("target", files.real)
            ):
                if file and label not in row.shown:
                    row.shown[label] = links.to(file)
            row.values[compared.name] = evaluations[compared.name].values.get(files.name, {})
    return list(rows.values())


class _Links:
    """Paths of images or their copies, relative to the page."""

    def __init__(self, page: Path, limits: ValueRange | None) -> None:
        self.folder, self.limits = page.parent, limits
        self.copies = page.with_name(f"{page.stem}_pictures")
        self.known: dict[Path, str] = {}

    def to(self, file: Path) -> str:
        if file not in self.known:
            shown = file
            if file.suffix.lower() not in BROWSER_FORMATS or file.stat().st_size > LARGEST:
                shown = self.copies / f"{len(self.known)}.png"
                _copy_small(file, shown, self.limits)
            relative = os.path.relpath(shown.resolve(), self.folder.resolve())
            self.known[file] = Path(relative).as_posix()
        return self.known[file]


def _copy_small(file: Path, copy: Path, limits: ValueRange | None) -> None:
    """Write a small PNG: RGB, or the mean of the channels if they are not colours."""
    unit = MetricImage.read(file, limits).unit.clip(0, 1)
    if unit.shape[2] not in (1, 3):
        unit = unit.mean(axis=2, keepdims=True)
    image = Image.fromarray(np.repeat(unit_to_levels(unit), 3 // unit.shape[2], 2))
    image.thumbnail((COPY_SIDE, COPY_SIDE))
    with replacing(copy) as aside:
        image.save(aside)
