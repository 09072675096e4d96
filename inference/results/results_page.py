"""The results of a test: images in ``images/``, and the page that shows them."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image

from data.checking.sample_check import hints_about_values
from data.files.raster import Mask
from data.files.side import Side
from data.files.source import Source
from data.files.tags.read_tags import colour_chunks
from display.images import save_mask, save_picture, saved_size
from display.pages.html import Figure, FigureRow, Header, Notice, write_page
from display.pages.run_links import EVALUATION, link_page, linked_pages, links_nav, relative
from display.reports import CYCLE_NOTE, Image8, PictureReport, Progress
from display.visualizer import Visualizer
from inference.processes import warn_if_elsewhere
from inference.results.page_files import files_of, remove_older, remove_unfinished
from inference.results.pair_scores import PairScores
from models.arrangement import arranged, legend_of
from models.comparison import Comparison
from util.distributed import current_process, gather_to_main
from util.text import pluralise
from util.threads import FileWriters

log = logging.getLogger(__name__)

_EXCHANGED = " real_A shows side B of the data set, and real_B shows its side A."
_CLOCKS_DIFFER_SECONDS = 2  # that of the file system and ours, at most


def exchanged(direction: str, comparisons: Sequence[Comparison]) -> str:
    """Return a sentence for the legend of --direction BtoA, if the images have these names."""
    named = any({"real_A", "real_B"} <= compared.labels for compared in comparisons)
    return _EXCHANGED if direction == "BtoA" and named else ""


class ResultsPage:
    """A page to which rows are added inside a ``with``; it is written even after an exception.

    Threads write the images (``writers``). A row is left out if one of its images could not be
    written. At the end, images of an earlier test that the page does not show are removed, if they
    have the same labels. The displays of ``visualizer`` show every row too.

    Each of several processes adds its rows and writes their images; at the end, the main process
    gets all rows and writes the page. After an exception it has only its own rows, and images of
    an earlier test stay.
    """

    def __init__(
        self, folder: Path, visualizer: Visualizer, *, title: str, legend: str, width: int,
        aspect_ratio: float = 1.0, comparisons: Sequence[Comparison] = (),
        training_web: Path | None = None,
    ) -> None:
        """
        Args:
            legend: remarks on the results; the labels of the images are explained after it.
            width: least width of images on the page (pixels).
            aspect_ratio: of the saved images.
            comparisons: which images are pairs; they decide the order of the images.
            training_web: the folder of the page of the training, which gets a link to this page.
        """
        self.path = folder / "index.html"
        self.images = folder / "images"
        self.folder, self.title, self.legend = folder, title, legend
        self.width, self.aspect_ratio = width, aspect_ratio
        self.visualizer, self.training_web = visualizer, training_web
        self.comparisons, self.scores = comparisons, PairScores(comparisons)
        self.hints: list[str] = []
        self.rows: list[FigureRow] = []
        self.order: Callable[[str], Any] = lambda name: 0  # of the rows, by name; 0: as added
        self.masks: set[Path] = set()
        self.writers = FileWriters()
        self._lost: set[Path] = set()  # files that could not be written
        self._start = time.time() - _CLOCKS_DIFFER_SECONDS

    def __enter__(self) -> "ResultsPage":
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        with self.visualizer:
            try:
                self.writers.__exit__(kind, *error)
            finally:
                self._lost |= self.writers.failed
                has_all = kind is None or not current_process().is_distributed
                if has_all:
                    self._collect()
                if current_process().is_main:
                    self._finish(has_all=has_all)

    def _collect(self) -> None:
        """Send all that this process has added to the main process."""
        for rows, masks, lost, scores in gather_to_main(
            (self.rows, self.masks, self._lost, self.scores.found)
        )[1:]:
            warn_if_elsewhere([self.folder / row.figures[0].src for row in rows[:1]])
            self.rows += rows
            self.masks |= masks
            self._lost |= lost
            self.scores.merge(scores)

    def _finish(self, *, has_all: bool) -> None:
        self.rows = [row for row in self.rows if not self._lost & files_of(self.folder, [row])]
        self.rows.sort(key=lambda row: self.order(row.title))
        rows = [replace(row, note=self.scores.describe(row.title)) for row in self.rows]
        write_page(self.path, self.title, rows, width=self.width, fill=True, header=self._header())
        if current_process().is_distributed:
            self._display_files()
        if has_all:
            remove_older(self.images, self.rows, self.masks)  # of the page of the earlier test
            remove_unfinished(self.folder, before=self._start)
        if self.training_web:
            link_page(self.training_web, self.path)

    def _display_files(self) -> None:
        """Show the rows of all processes in the displays, from their files."""
        for number, row in enumerate(self.rows if self.visualizer.sinks else (), start=1):
            self._display(number, {figure.label: np.asarray(Image.open(self.folder / figure.src))
                                   for figure in row.figures})

    def _display(self, count: int, pictures: Mapping[str, Image8]) -> None:
        progress = Progress(epoch=1, n_epochs=1, images=count, epoch_images=count, epoch_size=count)
        self.visualizer.pictures(PictureReport(progress=progress, pictures=pictures, keep=True))

    def _header(self) -> Header:
        lines = [f"{pluralise(len(self.rows), 'image')}, {time.strftime('%d %b %Y, %H:%M')}. "
                 f"{self.legend}"]
        if self.rows:
            labels = [[figure.label for figure in line] for line in self.rows[0].lines]
            lines.append(legend_of(labels, self.comparisons))
        if means := self.scores.describe_means([row.title for row in self.rows]):
            has_cycles = any(compared.back for compared in self.comparisons)
            lines.append(f"Means: {means}. {CYCLE_NOTE * has_cycles}")
        lines += self.scores.describe_missing([row.title for row in self.rows])
        page = self.training_web / "index.html" if self.training_web else None
        link = relative(page, self.folder) if page and page.is_file() else ""
        notices = [Notice("Values of the images", hint) for hint in self.hints]
        return Header(status="\n".join(lines), notices=notices,
                      links={"page of the training": link} if link else {},
                      results=links_nav(linked_pages(self.folder, EVALUATION), EVALUATION))

    def check_values(self, sides: Sequence[Side], examples: Mapping[str, Sequence[Source]]) -> None:
        """Log why images (letter of a side -> sources) look black, and show it in a box."""
        if not current_process().is_main:
            return
        self.hints = hints_about_values(sides, examples)
        for hint in self.hints:
            log.warning("%s", hint)

    def add(
        self, name: str, pictures: Mapping[str, Image8], files: Mapping[str, Path] | None = None,
        sources: Mapping[str, Path] = MappingProxyType({}),
        missing: Mapping[str, Mask] = MappingProxyType({})
    ) -> None:
        """Add a row of images (label -> image), written as ``images/<name>_<label>.png``.

        ``files``: label -> a file in the folder that a click on the image opens. ``sources``: files
        of A and B; their colour profiles are those of the images of the same letter. ``missing``:
        label of a target -> bool [H, W], its pixels without a value, which the values leave out;
        scripts/evaluate.py reads them in ``images/<name>_<label>_missing.png``.
        """
        if len(self.rows) % 5 == 0:
            log.info("processing (%04d)-th image... %s", len(self.rows), name)
        lines = arranged(list(pictures), self.comparisons)
        figures = {}
        for label, picture in pictures.items():
            path = f"images/{name}_{label}.png"
            save = partial(_save, source=sources.get("B" if "_B" in label else "A"),
                           aspect_ratio=self.aspect_ratio)
            self.writers.write(save, picture, self.folder / path)
            size = saved_size(picture, self.aspect_ratio)
            deep = (files or {}).get(label)
            link = deep.relative_to(self.folder).as_posix() if deep else ""
            figures[label] = Figure(path, label, *size, link=link)
        for label, mask in missing.items():
            file = self.images / f"{name}_{label}_missing.png"
            self.masks.add(file)
            self.writers.write(partial(save_mask, aspect_ratio=self.aspect_ratio), mask, file)
        if self.comparisons:  # measured in a thread of the writers, which need pixels and a path
            some = next(iter(pictures.values()))
            self.writers.write(lambda *_: self.scores.add(name, pictures, missing), some,
                               self.folder / name)
        self.rows.append(FigureRow.of_lines(name, figures, lines))
        if not current_process().is_distributed:
            self._display(len(self.rows), {label: pictures[label] for line in lines
                                           for label in line})


def _save(picture: Image8, path: Path, *, source: Path | None, aspect_ratio: float) -> None:
    """Write an image with the colour profile of ``source``."""
    save_picture(picture, path, aspect_ratio=aspect_ratio, chunks=colour_chunks(source, picture))
