"""web/index.html: the state of the run, newest epoch first. It needs a browser, but no server."""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from display.curve_drawing import draw_curves, warm_up
from display.curve_file import CurveFile
from display.images import save_picture
from display.loss_groups import line_styles, split_columns
from display.pages.epoch_pictures import EpochPictures
from display.pages.film import Film
from display.pages.html import Figure, Header, Notice, write_page
from display.pages.latest_table import latest_table
from display.pages.run_links import linked_pages, links_nav
from display.reports import (
    CYCLE_NOTE,
    CYCLE_VALUE,
    Advice,
    FilmReport,
    LossReport,
    PictureReport,
    Progress,
)
from display.sinks.background import Background
from display.sinks.base_sink import Sink
from display.sinks.doctor_log_sink import DOCTOR_LOG, read_advice

_FILES = ("loss_log.txt", "losses.csv", "doctor.csv", "train_opt.txt")
_ENDED_NOTICES = 20
_CURVES = ("losses.svg", "losses_narrow.svg")  # for a wide screen and for a phone


class WebPage(Sink):
    """Shows the curves, and the newest images of each epoch."""

    title = "web page"

    @staticmethod
    def modify_commandline_options(parser: ArgumentParser, is_train: bool) -> None:
        group = parser.add_argument_group("web page")
        group.add_argument("--no_html", action="store_true", help="no web page in the run's folder")

    @classmethod
    def open(cls, folder: Path, opt: Namespace) -> Sink | None:
        if opt.no_html:
            return None
        page = cls(folder, name=opt.name, width_px=opt.display_winsize, options=vars(opt))
        with suppress(ImportError):  # the page itself will report it
            warm_up()
        return Background(page, close_seconds=60.0)  # a slow disk or a busy machine, no network

    def __init__(
        self, run_dir: Path, *, name: str, width_px: int, options: Mapping[str, object]
    ) -> None:
        self._run_dir, self._web_dir = run_dir, run_dir / "web"
        self._name, self._width_px, self._options = name, width_px, options
        self._epochs, self._film = EpochPictures(self._web_dir), Film(self._web_dir)
        self._curves: list[Figure] = []  # those of _CURVES
        self._curve_file = CurveFile(run_dir / "losses.csv")
        self._speed = ""
        self._progress: Progress | None = None
        self._next_drawing = 0.0  # time.monotonic()

    def losses(self, report: LossReport) -> None:
        per_second = 1 / report.seconds_per_image if report.seconds_per_image > 0 else 0.0
        self._speed = f" Learning rate {report.learning_rate:.3g}, {per_second:.3g} images/s."

    def pictures(self, report: PictureReport) -> None:
        if not report.keep:
            return
        figures = {}
        for label, picture in report.pictures.items():
            src = f"images/epoch{report.progress.epoch:03d}_{label}.png"
            figures[label] = Figure(src, label, *save_picture(picture, self._web_dir / src))
        self._epochs.replace(report.progress.epoch, figures, report.rows)
        self._write(report.progress)

    def film(self, report: FilmReport) -> None:
        self._film.add(report)
        self._write(report.progress)

    def end_epoch(self, progress: Progress) -> None:
        if progress != self._progress:
            self._write(progress)

    def close(self) -> None:
        if self._progress is not None:
            self._next_drawing = 0.0
            self._write(self._progress)

    def _write(self, progress: Progress) -> None:
        self._progress = progress
        if time.monotonic() >= self._next_drawing:
            self._draw_curves(progress)
        title = f"Experiment name = {self._name}"
        for name, rows, links in self._epochs.full_pages(progress.epoch):
            write_page(self._web_dir / name, title, rows, width=self._width_px, pages=links)
        rows = self._epochs.newest(progress.epoch)
        write_page(self._web_dir / "index.html", title, rows, width=self._width_px,
                   header=self._header(progress), pages=self._epochs.links())
        self._epochs.delete_obsolete()
        self._film.delete_obsolete()

    def _header(self, progress: Progress) -> Header:
        wide, narrow = self._curves or (None, None)
        return Header(
            status=f"Epoch {progress.epoch} of {progress.n_epochs}, {progress.epoch_images:,} of "
            f"its {progress.epoch_size:,} images seen.{self._speed} "
            f"Written {time.strftime('%d %b %Y, %H:%M')}.",
            notices=doctor_notices(read_advice(self._run_dir / DOCTOR_LOG)),
            curves=wide, narrow_curves=narrow, latest=self._latest(progress),
            film=self._film.rows(), options=self._options,
            links={file: f"../{file}" for file in _FILES if (self._run_dir / file).exists()},
            results=links_nav(linked_pages(self._web_dir)))

    def _latest(self, progress: Progress) -> Any:
        """Return the table of the newest losses; None before the first ones."""
        self._curve_file.update(epoch_size=progress.epoch_size)
        latest, names = self._curve_file.latest, self._curve_file.curves.losses
        if not latest.epoch:
            return None
        losses, values = split_columns(names)
        is_over = progress.epoch > latest.epoch or progress.epoch_images >= progress.epoch_size
        has_cycles = any(name.startswith(CYCLE_VALUE) for name in values)
        return latest_table(
            latest.rows([*losses, *values]), line_styles(names), note=CYCLE_NOTE * has_cycles,
            epoch=f"epoch {latest.epoch}" + " so far" * (not is_over),
        )

    def _draw_curves(self, progress: Progress) -> None:
        start = time.monotonic()
        self._curve_file.update(epoch_size=progress.epoch_size)
        if self._curve_file.curves.epochs:
            wide, narrow = (self._web_dir / name for name in _CURVES)
            sizes = draw_curves(self._curve_file.curves, wide, narrow=narrow)
            self._curves = [Figure(name, "loss curves", *size)
                            for name, size in zip(_CURVES, sizes, strict=True)]
        # Drawing may take 2 % of the time, because tiny epochs end many times a second.
        end = time.monotonic()
        self._next_drawing = end + 50 * (end - start)


def doctor_notices(advice: Sequence[Advice]) -> list[Notice]:
    """Return the doctor's open problems, then at most 20 that have ended, the newest first."""
    open_problems: dict[str, Advice] = {}
    ended = []
    for item in advice:
        begin = open_problems.pop(item.complaint, None)
        if not item.over:
            open_problems[item.complaint] = item
        elif begin:
            title = f"{item.complaint} (epochs {begin.epoch} to {item.epoch})"
            ended.append(Notice(title, begin.seen, is_over=True))
    now = [Notice(f"Doctor: {item.complaint}, since epoch {item.epoch} ({item.images:,} images)",
                  f"{item.seen}: {item.meaning}.", f"What to do: {item.remedy}.")
           for item in open_problems.values()]
    return now + ended[: -_ENDED_NOTICES - 1 : -1]
