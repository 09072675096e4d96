"""The results of a test: images in ``images/``, and the page that shows them."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from display.images import save_picture, saved_size
from display.pages.html import Figure, FigureRow, Header, write_page
from display.reports import Image8, PictureReport, Progress
from display.visualizer import Visualizer
from util.threads import FileWriters

log = logging.getLogger(__name__)


class ResultsPage:
    """A page to which rows are added inside a ``with``; it is written even after an exception.

    Threads write the images (``writers``). A row is left out if one of its images could not be
    written. At the end, images of an earlier test that the page does not show are removed, if they
    have the same labels. The displays of ``visualizer`` show every row too.
    """

    def __init__(
        self, folder: Path, visualizer: Visualizer, *, title: str, legend: str, width: int,
        aspect_ratio: float = 1.0,
    ) -> None:
        """``width`` (pixels): of images on the page; ``aspect_ratio``: of the saved images."""
        self.path = folder / "index.html"
        self.images = folder / "images"
        self.folder, self.title, self.legend = folder, title, legend
        self.width, self.aspect_ratio = width, aspect_ratio
        self.visualizer = visualizer
        self.rows: list[FigureRow] = []
        self.writers = FileWriters()

    def __enter__(self) -> "ResultsPage":
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        with self.visualizer:
            try:
                self.writers.__exit__(kind, *error)
            finally:
                self._finish()

    def _finish(self) -> None:
        lost = self.writers.failed
        self.rows = [row for row in self.rows if not lost & _files(self.folder, [row])]
        _remove_older(self.images, self.rows)
        write_page(self.path, self.title, self.rows, width=self.width,
                   header=Header(status=self.legend))

    def add(
        self, name: str, pictures: Mapping[str, Image8], files: Mapping[str, Path] | None = None
    ) -> None:
        """Add a row of images (label -> image), written as ``images/<name>_<label>.png``.

        ``files``: label -> a file in the folder that a click on the image opens.
        """
        if len(self.rows) % 5 == 0:
            log.info("processing (%04d)-th image... %s", len(self.rows), name)
        save = partial(save_picture, aspect_ratio=self.aspect_ratio)
        figures = []
        for label, picture in pictures.items():
            path = f"images/{name}_{label}.png"
            self.writers.write(save, picture, self.folder / path)
            size = saved_size(picture, self.aspect_ratio)
            deep = (files or {}).get(label)
            link = deep.relative_to(self.folder).as_posix() if deep else ""
            figures.append(Figure(path, label, *size, link=link))
        self.rows.append(FigureRow(name, figures))
        count = len(self.rows)
        progress = Progress(epoch=1, n_epochs=1, images=count, epoch_images=count, epoch_size=count)
        self.visualizer.pictures(PictureReport(progress=progress, pictures=pictures, keep=True))


def _files(folder: Path, rows: Sequence[FigureRow]) -> set[Path]:
    """Return the files that the page in ``folder`` shows or links to."""
    figures = [figure for row in rows for figure in row.figures]
    return {folder / path for figure in figures for path in (figure.src, figure.link) if path}


def _remove_older(folder: Path, rows: Sequence[FigureRow]) -> None:
    """Remove files that the page does not show, of any format, if their label is on the page."""
    shown = _files(folder.parent, rows)
    labels = tuple(f"_{figure.label}" for row in rows[:1] for figure in row.figures)
    older = [p for p in folder.rglob("*.*") if p.stem.endswith(labels) and p not in shown]
    for path in older:
        path.unlink()
    if older:
        log.info("removed %d images of an earlier test from %s", len(older), folder)
