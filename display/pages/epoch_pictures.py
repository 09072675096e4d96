"""Which pictures of a run stand on which page: the newest 50 epochs on index.html, and every full
50 of them on a page of their own, which is written once. So a page costs the same at any age."""

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from PIL import Image

from display.pages.html import Figure, Row

log = logging.getLogger(__name__)

EPOCHS_PER_PAGE = 50
_PICTURE = re.compile(r"epoch(\d+)_(.+)\.png")
_PAGE = re.compile(r"epochs_(\d+)-(\d+)\.html")


class EpochPictures:
    def __init__(self, web_dir: Path) -> None:
        self._web_dir = web_dir
        self._epochs = _find_pictures(web_dir)  # without those that only full pages show
        self._labels: list[str] = []  # in the model's order
        self._first_page = 0  # number of the first page, from 0, that is not yet written
        self._names: list[str] = []  # of the full pages, oldest first

    def replace(self, epoch: int, figures: Mapping[str, Figure]) -> None:
        """Another model in this folder had other labels: its pictures go like those of the same."""
        for label, figure in self._epochs.get(epoch, {}).items():
            if label not in figures:
                (self._web_dir / figure.src).unlink(missing_ok=True)
        self._epochs[epoch] = dict(figures)
        self._labels = list(figures)

    def newest(self, last_epoch: int) -> list[Row]:
        """Newest first. Epochs after the last, left by another run in this folder, are not ours."""
        return self._rows(range(last_epoch, last_epoch - EPOCHS_PER_PAGE, -1))

    def turn_pages(self, last_epoch: int) -> Iterator[tuple[str, list[Row], dict[str, str]]]:
        """Name, rows and links of each page that is full now: at the start of a run that goes on
        all of them, later one in 50 epochs."""
        page_now = (last_epoch - 1) // EPOCHS_PER_PAGE
        if self._first_page == 0:
            self._remove_later_pages(page_now)
        for page in range(self._first_page, page_now):
            first, last = page * EPOCHS_PER_PAGE + 1, (page + 1) * EPOCHS_PER_PAGE
            if rows := self._rows(range(last, first - 1, -1)):
                name = f"epochs_{first}-{last}.html"
                yield name, rows, {"newest epochs": "index.html", **self.links()}
                self._names.append(name)
        self._first_page = max(self._first_page, page_now)
        # index.html needs those of the page before as well.
        for epoch in [e for e in self._epochs if e <= (page_now - 1) * EPOCHS_PER_PAGE]:
            del self._epochs[epoch]

    def links(self) -> dict[str, str]:
        """Text -> file of the full pages, newest first."""
        return {name.removesuffix(".html").replace("_", " "): name for name in self._names[::-1]}

    def _rows(self, epochs: range) -> list[Row]:
        order = {label: number for number, label in enumerate(self._labels)}
        rows = []
        for epoch in (epoch for epoch in epochs if epoch in self._epochs):
            figures = self._epochs[epoch].values()
            known_first = sorted(figures, key=lambda f: (order.get(f.label, len(order)), f.label))
            rows.append(Row(f"epoch [{epoch}]", known_first))
        return rows

    def _remove_later_pages(self, page_now: int) -> None:
        """Those that a run left which came further than the one that goes on here."""
        for path in self._web_dir.glob("epochs_*.html"):
            match = _PAGE.fullmatch(path.name)
            if match and int(match[2]) > page_now * EPOCHS_PER_PAGE:
                path.unlink()


def _find_pictures(web_dir: Path) -> dict[int, dict[str, Figure]]:
    """epoch -> label -> picture, as an earlier start of the run left them."""
    epochs: dict[int, dict[str, Figure]] = {}
    for path in sorted((web_dir / "images").glob("*.png")):
        match = _PICTURE.fullmatch(path.name)
        if not match:
            continue
        epoch, label = int(match[1]), match[2]
        try:
            with Image.open(path) as image:
                figure = Figure(f"images/{path.name}", label, *image.size)
                epochs.setdefault(epoch, {})[label] = figure
        except OSError:
            log.warning("%s is no readable picture: left out of the page", path)
    return epochs
