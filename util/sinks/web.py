"""web/index.html: the run so far, newest epoch first, for any browser and without a server."""

import logging
import re
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from util.curves import CURVES_SIZE_PX, draw_curves, read_curves
from util.html import Figure, Header, Row, write_page
from util.images import save_picture
from util.sinks import PictureReport, Progress, Sink

log = logging.getLogger(__name__)

_PICTURE = re.compile(r"epoch(\d+)_(.+)\.png")
_FILES = ("loss_log.txt", "losses.csv", "train_opt.txt")


class WebPage(Sink):
    """Keeps the pictures of each epoch (a later save replaces an earlier one) and the curves."""

    title = "web page"

    def __init__(
        self, run_dir: Path, *, name: str, width_px: int, options: Mapping[str, object]
    ) -> None:
        self._run_dir = run_dir
        self._web_dir = run_dir / "web"
        self._name = name
        self._width_px = width_px
        self._options = options
        self._epochs = _find_pictures(self._web_dir)
        self._labels: list[str] = []  # in the model's order
        self._progress: Progress | None = None
        self._drawn_at = 0.0
        self._drawing_seconds = 0.0

    def pictures(self, report: PictureReport) -> None:
        if not report.keep:
            return
        self._labels = list(report.pictures)
        figures = {}
        for label, picture in report.pictures.items():
            src = f"images/epoch{report.progress.epoch:03d}_{label}.png"
            save_picture(picture, self._web_dir / src)
            height, width, _ = picture.shape
            figures[label] = Figure(src, label, width, height)
        self._replace(report.progress.epoch, figures)
        self._write(report.progress)

    def end_epoch(self, progress: Progress) -> None:
        if progress != self._progress:
            self._write(progress)

    def close(self) -> None:
        if self._progress is not None:
            self._draw_curves(self._progress)

    def _replace(self, epoch: int, figures: dict[str, Figure]) -> None:
        """Another model in this folder had other labels: its pictures go like those of the same."""
        for label, figure in self._epochs.get(epoch, {}).items():
            if label not in figures:
                (self._web_dir / figure.src).unlink(missing_ok=True)
        self._epochs[epoch] = figures

    def _write(self, progress: Progress) -> None:
        self._progress = progress
        # Drawing may take 2 % of the time: tiny epochs end many times a second.
        if time.monotonic() - self._drawn_at >= 50 * self._drawing_seconds:
            self._draw_curves(progress)
        write_page(
            self._web_dir / "index.html",
            f"Experiment name = {self._name}",
            self._rows(last_epoch=progress.epoch),
            width=self._width_px,
            header=self._header(progress),
        )

    def _rows(self, *, last_epoch: int) -> list[Row]:
        """Later epochs, left by another run in this folder, are not of this one."""
        order = {label: number for number, label in enumerate(self._labels)}
        rows = []
        for epoch in sorted(self._epochs, reverse=True):
            figures = self._epochs[epoch].values()
            if epoch <= last_epoch:
                known_first = sorted(
                    figures, key=lambda f: (order.get(f.label, len(order)), f.label)
                )
                rows.append(Row(f"epoch [{epoch}]", known_first))
        return rows

    def _header(self, progress: Progress) -> Header:
        has_curves = (self._web_dir / "losses.svg").exists()
        return Header(
            status=f"Epoch {progress.epoch} of {progress.n_epochs}, {progress.epoch_images:,} of "
            f"its {progress.epoch_size:,} images seen. Written {time.strftime('%d %b %Y, %H:%M')}.",
            curves=Figure("losses.svg", "loss curves", *CURVES_SIZE_PX) if has_curves else None,
            links={file: f"../{file}" for file in _FILES if (self._run_dir / file).exists()},
            options=self._options,
        )

    def _draw_curves(self, progress: Progress) -> None:
        begun = time.monotonic()
        curves = read_curves(self._run_dir / "losses.csv", epoch_size=progress.epoch_size)
        if curves.epochs:
            draw_curves(curves, self._web_dir / "losses.svg")
        self._drawn_at = time.monotonic()
        self._drawing_seconds = self._drawn_at - begun


def _find_pictures(web_dir: Path) -> defaultdict[int, dict[str, Figure]]:
    """epoch -> label -> picture, as an earlier start of the run left them."""
    epochs: defaultdict[int, dict[str, Figure]] = defaultdict(dict)
    for path in sorted((web_dir / "images").glob("*.png")):
        match = _PICTURE.fullmatch(path.name)
        if not match:
            continue
        epoch, label = int(match[1]), match[2]
        try:
            with Image.open(path) as image:
                epochs[epoch][label] = Figure(f"images/{path.name}", label, *image.size)
        except OSError:
            log.warning("%s is no readable picture: left out of the page", path)
    return epochs
