"""The files beside a results page: those that it shows, and what earlier tests left there."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from data.files.tags.world_files import is_world_file
from display.pages.html import FigureRow

log = logging.getLogger(__name__)


def files_of(folder: Path, rows: Sequence[FigureRow]) -> set[Path]:
    """Return the files that the page in ``folder`` shows or links to."""
    figures = [figure for row in rows for figure in row.figures]
    return {folder / path for figure in figures for path in (figure.src, figure.link) if path}


def remove_unfinished(folder: Path, *, before: float) -> None:
    """Remove temporary files of util/files.py that a test left which was killed."""
    for path in folder.rglob(".*.partial.*"):
        with suppress(OSError):
            if path.stat().st_mtime < before:
                path.unlink()


def remove_older(folder: Path, rows: Sequence[FigureRow], masks: set[Path]) -> None:
    """Remove files that the page does not show, of any format, if their label is on the page."""
    shown = files_of(folder.parent, rows) | masks
    labels = tuple(f"_{figure.label}{end}" for row in rows[:1] for figure in row.figures
                   for end in ("", "_missing"))
    older = [p for p in folder.rglob("*.*") if p.stem.endswith(labels) and p not in shown
             and not is_world_file(p)]
    for path in older:
        path.unlink()
    if older:
        log.info("removed %d images of an earlier test from %s", len(older), folder)
