"""The images of each epoch on the pages of a run.

index.html shows the newest 50 epochs. Every 50 completed epochs get a page of their own, which is
written once. The work for a page therefore does not grow with the age of the run.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from display.pages.html import Figure, FigureRow
from util.disk.file_names import natural_key

log = logging.getLogger(__name__)

EPOCHS_PER_PAGE = 50
_PICTURE = re.compile(r"epoch(\d+)_(.+)\.png")
_PAGE = re.compile(r"epochs_(\d+)-(\d+)\.html")


class EpochPictures:
    def __init__(self, web_dir: Path) -> None:
        self._web_dir = web_dir
        self._epochs = _find_pictures(web_dir)  # without epochs that only full pages show
        self._lines: list[list[str]] = [[]]  # labels of each row of images, in the model's order
        self._first_page = 0  # number of the first page, from 0, that is not yet written
        self._names: list[str] = []  # of the full pages, oldest first
        self._obsolete: set[str] = set()  # files that a page on disk may still show

    def replace(
        self, epoch: int, figures: Mapping[str, Figure], lines: Sequence[Sequence[str]] = ()
    ) -> None:
        """Set the images of an epoch. Files whose label no longer exists become obsolete.

        Another model that was trained in this folder may have left such files.
        """
        for label, figure in self._epochs.get(epoch, {}).items():
            if label not in figures:
                self._obsolete.add(figure.src)
        self._epochs[epoch] = dict(figures)
        self._lines = [list(line) for line in lines] or [list(figures)]

    def newest(self, last_epoch: int) -> list[FigureRow]:
        """Return the rows of index.html, newest first.

        Epochs after ``last_epoch`` are left out: another run in this folder has written them.
        """
        return self._rows(range(last_epoch, last_epoch - EPOCHS_PER_PAGE, -1))

    def full_pages(self, last_epoch: int) -> Iterator[tuple[str, list[FigureRow], dict[str, str]]]:
        """Yield name, rows and links of each page that became full since the last call.

        When a run is resumed, the first call yields all full pages.
        """
        page_now = (last_epoch - 1) // EPOCHS_PER_PAGE
        if self._first_page == 0:
            # A run that came further than this one may have left pages of later epochs.
            for path in self._web_dir.glob("epochs_*.html"):
                match = _PAGE.fullmatch(path.name)
                if match and int(match[2]) > page_now * EPOCHS_PER_PAGE:
                    self._obsolete.add(path.name)
        for page in range(self._first_page, page_now):
            first, last = page * EPOCHS_PER_PAGE + 1, (page + 1) * EPOCHS_PER_PAGE
            if rows := self._rows(range(last, first - 1, -1)):
                name = f"epochs_{first}-{last}.html"
                yield name, rows, {"newest epochs": "index.html", **self.links()}
                self._names.append(name)
        self._first_page = max(self._first_page, page_now)
        # index.html still needs the epochs of the last full page.
        oldest = (page_now - 1) * EPOCHS_PER_PAGE + 1
        self._epochs = {key: shown for key, shown in self._epochs.items() if key >= oldest}

    def delete_obsolete(self) -> None:
        """Delete files that no page shows any more; call it after the pages are written."""
        shown = {figure.src for figures in self._epochs.values() for figure in figures.values()}
        # Pages show images and link older pages: pages first, the newest first.
        for name in sorted(self._obsolete - shown - {*self._names}, reverse=True,
                           key=lambda name: (name.endswith(".html"), natural_key(name))):
            (self._web_dir / name).unlink(missing_ok=True)
        self._obsolete.clear()

    def links(self) -> dict[str, str]:
        """Return text -> file of the full pages, newest first."""
        return {name.removesuffix(".html").replace("_", " "): name for name in self._names[::-1]}

    def _rows(self, epochs: range) -> list[FigureRow]:
        return [FigureRow.of_lines(f"epoch [{epoch}]", self._epochs[epoch], self._lines)
                for epoch in epochs if epoch in self._epochs]


def _find_pictures(web_dir: Path) -> dict[int, dict[str, Figure]]:
    """Return epoch -> label -> figure of the image files that an earlier start has left."""
    epochs: dict[int, dict[str, Figure]] = {}
    for path in sorted((web_dir / "images").glob("*.png")):
        if match := _PICTURE.fullmatch(path.name):
            try:
                figure = Figure.read(web_dir, f"images/{path.name}", match[2])
                epochs.setdefault(int(match[1]), {})[figure.label] = figure
            except OSError:
                log.warning("%s cannot be read as an image: the page does not show it", path)
    return epochs
