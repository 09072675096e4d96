"""The results of a test: pictures in ``images/``, and the page that shows them."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from display.images import Picture, save_picture, saved_size
from display.pages.html import Figure, Header, Row, write_page
from display.reports import PictureReport, Progress
from display.visualizer import Visualizer
from util.threads import FileWriters

log = logging.getLogger(__name__)


class ResultsPage:
    """Add rows inside a ``with``; whatever ends it, the page shows what was added before.

    Pictures are written by threads, ``writers``; a row of which one could not be written is left
    out.

    At the end pictures are removed that an earlier test of this kind left and the page does not
    show. The displays of ``visualizer`` show every row too.
    """

    def __init__(
        self,
        folder: Path,
        visualizer: Visualizer,
        *,
        title: str,
        legend: str,
        width: int,
        aspect_ratio: float = 1.0,
    ) -> None:
        """``width``: of the pictures on the page (pixels); ``aspect_ratio``: of those saved."""
        self.path = folder / "index.html"
        self.images = folder / "images"
        self.folder, self.title, self.legend = folder, title, legend
        self.width, self.aspect_ratio = width, aspect_ratio
        self.visualizer = visualizer
        self.rows: list[Row] = []
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
        lost = self.writers.lost
        self.rows = [row for row in self.rows if not lost & _files(self.folder, [row])]
        _remove_older(self.images, self.rows)
        write_page(
            self.path, self.title, self.rows, width=self.width, header=Header(status=self.legend)
        )

    def add(
        self, name: str, pictures: Mapping[str, Picture], files: Mapping[str, Path] | None = None
    ) -> None:
        """A row: label -> picture, written as ``images/<name>_<label>.png``.

        ``files``: label -> a file in the folder that a click on the picture opens.
        """
        if len(self.rows) % 5 == 0:
            log.info("processing (%04d)-th image... %s", len(self.rows), name)
        save = partial(save_picture, aspect_ratio=self.aspect_ratio)
        figures = []
        for label, picture in pictures.items():
            file = f"images/{name}_{label}.png"
            self.writers.write(save, picture, self.folder / file)
            size = saved_size(picture, self.aspect_ratio)
            behind = (files or {}).get(label)
            link = behind.relative_to(self.folder).as_posix() if behind else ""
            figures.append(Figure(file, label, *size, link=link))
        self.rows.append(Row(name, figures))
        count = len(self.rows)
        progress = Progress(
            epoch=1, n_epochs=1, images=count, epoch_images=count, epoch_size=count
        )
        self.visualizer.pictures(PictureReport(progress=progress, pictures=pictures, keep=True))


def _files(folder: Path, rows: Sequence[Row]) -> set[Path]:
    """Those that the page in ``folder`` shows, and those behind them."""
    figures = [figure for row in rows for figure in row.figures]
    return {folder / path for figure in figures for path in (figure.src, figure.link) if path}


def _remove_older(folder: Path, rows: Sequence[Row]) -> None:
    """Of the labels on the page, in any format: deep results lie beside their pictures."""
    shown = _files(folder.parent, rows)
    labels = tuple(f"_{figure.label}" for row in rows[:1] for figure in row.figures)
    older = [p for p in folder.rglob("*.*") if p.stem.endswith(labels) and p not in shown]
    for path in older:
        path.unlink()
    if older:
        log.info("removed %d pictures of an earlier test from %s", len(older), folder)
