"""The results of a test: pictures in ``images/``, and the page that shows them."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from util.html import Figure, Header, Row, write_page
from util.images import Picture, save_picture
from util.sinks import PictureReport, Progress
from util.visualizer import Visualizer

log = logging.getLogger(__name__)


class ResultsPage:
    """Add rows inside a ``with``; whatever ends it, the page shows what was added before.

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

    def __enter__(self) -> "ResultsPage":
        return self

    def __exit__(self, *error: object) -> None:
        with self.visualizer:
            _remove_older(self.images, self.rows)
            write_page(
                self.path, self.title, self.rows, width=self.width,
                header=Header(status=self.legend),
            )

    def add(
        self, name: str, pictures: Mapping[str, Picture], files: Mapping[str, Path] | None = None
    ) -> None:
        """A row: label -> picture, written as ``images/<name>_<label>.png``.

        ``files``: label -> a file in the folder that a click on the picture opens.
        """
        if len(self.rows) % 5 == 0:
            log.info("processing (%04d)-th image... %s", len(self.rows), name)
        figures = []
        for label, picture in pictures.items():
            file = f"images/{name}_{label}.png"
            size = save_picture(picture, self.folder / file, aspect_ratio=self.aspect_ratio)
            behind = (files or {}).get(label)
            link = behind.relative_to(self.folder).as_posix() if behind else ""
            figures.append(Figure(file, label, *size, link=link))
        self.rows.append(Row(name, figures))
        count = len(self.rows)
        progress = Progress(
            epoch=1, n_epochs=1, images=count, epoch_images=count, epoch_size=count
        )
        self.visualizer.pictures(PictureReport(progress=progress, pictures=pictures, keep=True))


def _remove_older(folder: Path, rows: Sequence[Row]) -> None:
    """Of the labels on the page, in any format: deep results lie beside their pictures."""
    figures = [figure for row in rows for figure in row.figures]
    shown = {folder.parent / path for figure in figures for path in (figure.src, figure.link)}
    labels = tuple(f"_{figure.label}" for row in rows[:1] for figure in row.figures)
    older = [p for p in folder.rglob("*.*") if p.stem.endswith(labels) and p not in shown]
    for path in older:
        path.unlink()
    if older:
        log.info("removed %d pictures of an earlier test from %s", len(older), folder)
