"""Leave unreadable images out of an evaluation: ``--on_bad_image skip``."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from data.files.image_io import read_image
from data.files.reading import PictureError
from metrics.report.compared_sets import ComparedSet
from metrics.report.result_files import ComparedFiles, NoImagesError
from util.text import pluralise

log = logging.getLogger(__name__)


def readable_sets(sets: Sequence[ComparedSet]) -> list[ComparedSet]:
    """Return the sets without images that cannot be read, nor their partners; log each of them.

    This decodes all images a second time.

    Raises:
        NoImagesError: a set has no image left.
    """
    faults: dict[Path, str] = {}
    for path in {path for compared in sets for files in compared.files for path in _paths(files)}:
        try:
            read_image(path)
        except PictureError as error:
            faults[path] = str(error)
    for path in sorted(faults):
        log.warning("%s", faults[path])
    return [_without(compared, faults) for compared in sets]


def _paths(files: ComparedFiles) -> list[Path]:
    return [path for path in (files.fake, files.real, files.given, files.missing) if path]


def _without(compared: ComparedSet, faults: dict[Path, str]) -> ComparedSet:
    kept = [files for files in compared.files if not faults.keys() & set(_paths(files))]
    lost = len(compared.files) - len(kept)
    if not lost:
        return compared
    if not kept:
        raise NoImagesError(f"{compared.name}: no image can be read; {next(iter(faults.values()))}")
    noun = "image" if compared.unpaired else "pair"
    warning = f"not counted, unreadable: {pluralise(lost, noun)} of {len(compared.files)}"
    return replace(compared, files=kept, warnings=[*compared.warnings, warning])
