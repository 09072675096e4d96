"""Evaluations as a page: which numbers and which picture files stand on it."""

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
from metrics.picture import Picture
from metrics.report.compared_sets import ComparedSet
from metrics.report.tables import in_order, remarks
from util.files import replacing
from util.pixel_values import unit_to_levels

SHOWN_AS_THEY_ARE = (".png", ".jpg", ".jpeg", ".webp", ".bmp")  # by every browser
LARGEST = 2**20  # bytes: of larger files the page shows a small copy
COPY_SIDE = 512  # pixels, of the longer side


def write_report_page(
    path: Path,
    sets: Sequence[ComparedSet],
    found: Mapping[str, Evaluation],
    limits: ValueRange | None = None,
) -> None:
    """Pictures are linked where they lie; small copies of what no browser shows lie in
    ``<name of the page>_pictures`` beside it.
    """
    columns = []
    for name in in_order(found):
        metric = find_metric(name)
        columns.append(Column(
            name, metric.label, metric.higher_is_better, metric.places, metric.per_picture
        ))
    runs = []
    for run, evaluation in found.items():
        cells = {name: ScoreCell(score.value, score.error, score.parts)
                 for name, score in evaluation.scores.items()}
        runs.append(RunColumn(run, cells, remarks(evaluation)))
    facts = "\n".join(f"{one.name}: {one.describe()}" for one in sets)
    rows = _rows(path, sets, found, limits)
    write_evaluation_page(path, "Evaluation", facts, columns, runs, rows)


def _rows(
    page: Path, sets: Sequence[ComparedSet], found: Mapping[str, Evaluation],
    limits: ValueRange | None,
) -> list[PictureRow]:
    links = _Links(page, limits)
    rows: dict[str, PictureRow] = {}
    for one in sets:
        for files in one.files:
            # Of two sets without pairs, an output and a target of one name are two pictures.
            key = f"{files.name} (target)" if one.unpaired and not files.fake else files.name
            row = rows.setdefault(key, PictureRow(key))
            for label, file in (
                ("input", files.given), (one.name, files.fake), ("target", files.real)
            ):
                if file and label not in row.shown:
                    row.shown[label] = links.to(file)
            row.values[one.name] = found[one.name].values.get(files.name, {})
    return list(rows.values())


class _Links:
    """Paths relative to the page, of pictures or of their copies."""

    def __init__(self, page: Path, limits: ValueRange | None) -> None:
        self.folder, self.limits = page.parent, limits
        self.copies = page.with_name(f"{page.stem}_pictures")
        self.known: dict[Path, str] = {}

    def to(self, file: Path) -> str:
        if file not in self.known:
            shown = file
            if file.suffix.lower() not in SHOWN_AS_THEY_ARE or file.stat().st_size > LARGEST:
                shown = self.copies / f"{len(self.known)}.png"
                _copy_small(file, shown, self.limits)
            self.known[file] = self._relative(shown)
        return self.known[file]

    def _relative(self, file: Path) -> str:
        return Path(os.path.relpath(file.resolve(), self.folder.resolve())).as_posix()


def _copy_small(file: Path, copy: Path, limits: ValueRange | None) -> None:
    """Black and white as the limits say; of channels that are no colours, their mean."""
    unit = Picture.read(file, limits).unit.clip(0, 1)
    if unit.shape[2] not in (1, 3):
        unit = unit.mean(axis=2, keepdims=True)
    image = Image.fromarray(np.repeat(unit_to_levels(unit), 3 // unit.shape[2], 2))
    image.thumbnail((COPY_SIDE, COPY_SIDE))
    with replacing(copy) as aside:
        image.save(aside)
