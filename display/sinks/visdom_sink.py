"""visdom: losses, learning rate, pictures and options, live in a browser."""

import html
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from display.curves import Curves, read_curves, split_validation
from display.images import captioned_grid
from display.reports import LossReport, PictureReport, Progress
from display.sinks.background import Background
from display.sinks.base_sink import Sink
from display.sinks.visdom_client import connect
from util.flags import positive_int


class VisdomServer(Sink):
    """Window ``display_id`` shows the losses, the windows after it the pictures; ``<id>_lr``,
    ``<id>_validation`` and ``<id>_options`` the learning rate, what validations measured and the
    options of the run.

    ``columns`` pictures to a row; 0 or less gives every picture a window of its own. Pictures are
    ``width_px`` wide. The curves of an earlier start of the run are read back from ``losses_csv``.

    Reports are only remembered; ``refresh`` sends what has changed. What could not be sent stays
    due, and a server that has lost the windows gets all of them again.
    """

    title = "visdom display"

    @staticmethod
    def modify_commandline_options(parser: ArgumentParser, is_train: bool) -> None:
        add = parser.add_argument_group("visdom").add_argument
        add("--display_id", type=int, default=1, help="visdom window; 0 = no visdom")
        add("--display_server", default="http://localhost", help="visdom server")
        add("--display_port", type=positive_int, default=8097, help="visdom port")
        add("--display_env", default="main", help="visdom environment")
        add("--display_ncols", type=int, default=4,
            help="images in a row; 0 = a window for each image")

    @classmethod
    def open(cls, folder: Path, opt: Namespace) -> Sink | None:
        if opt.display_id <= 0:
            return None
        client = connect(server=opt.display_server, port=opt.display_port, env=opt.display_env)
        if client is None:
            return None
        windows = cls(
            client, name=opt.name, display_id=opt.display_id, columns=opt.display_ncols,
            width_px=opt.display_winsize, losses_csv=folder / "losses.csv", options=vars(opt),
        )
        # Drawing more often would take too much of the interpreter's time from the training.
        return Background(windows, pictures=1, pause_seconds=2.0)

    def __init__(
        self, client: Any, *, name: str, display_id: int, columns: int, width_px: int,
        losses_csv: Path, options: Mapping[str, object],
    ) -> None:
        self._client = client
        self._name = name
        self._window = str(display_id)
        self._columns = columns
        self._width_px = width_px
        self._losses_csv = losses_csv
        self._options = options
        self._losses = Curves()
        self._rates = Curves()
        self._values = Curves()
        self._pictures: PictureReport | None = None
        self._senders: dict[str, Callable[[], None]] = {
            "options": self._send_options,
            "losses": self._send_losses,
            "rates": self._send_rates,
            "validation": self._send_validation,
            "pictures": self._send_pictures,
        }
        self._due = {"options"}
        self._sent: set[str] = set()

    def start_epoch(self, progress: Progress) -> None:
        if not self._losses.epochs:
            read = partial(
                read_curves, self._losses_csv, epoch_size=progress.epoch_size,
                before=progress.epoch_position,
            )
            found = read()
            names, measured = split_validation(found.losses)
            self._losses = Curves(found.epochs, {name: found.losses[name] for name in names})
            self._values = found.known(*measured)
            self._rates = read(columns=("lr",))

    def losses(self, report: LossReport) -> None:
        self._losses.add(report.progress.epoch_position, report.losses)
        self._rates.add(report.progress.epoch_position, {"lr": report.learning_rate})
        self._due |= {"losses", "rates"}
        if report.validation:
            self._values.add(report.progress.epoch_position, report.validation)
        if self._values.epochs:
            self._due.add("validation")

    def pictures(self, report: PictureReport) -> None:
        self._pictures = report
        self._due.add("pictures")

    def refresh(self) -> None:
        if not self._due:
            return
        if "losses" in self._sent and not self._client.has_window(self._window):
            self._due |= self._sent  # a server that was started anew
        for part, send in self._senders.items():
            if part in self._due:
                send()
                self._due.remove(part)
                self._sent.add(part)

    def _send_losses(self) -> None:
        self._send_curves(self._window, f"{self._name} loss over time", "loss", self._losses)

    def _send_rates(self) -> None:
        window = f"{self._window}_lr"
        self._send_curves(window, f"{self._name} learning rate", "learning rate", self._rates)

    def _send_validation(self) -> None:
        window = f"{self._window}_validation"
        self._send_curves(window, f"{self._name} validation", "value", self._values)

    def _send_curves(self, window: str, title: str, ylabel: str, curves: Curves) -> None:
        # The whole thinned curve each time: appending costs the server time that grows with it.
        epochs, values = curves.thinned()
        options = {
            "title": title,
            "legend": list(values),
            "showlegend": True,
            "xlabel": "epoch",
            "ylabel": ylabel,
        }
        columns = np.stack(list(values.values()), axis=1)
        self._client.line(columns, X=epochs, win=window, opts=options)

    def _send_options(self) -> None:
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{html.escape(str(value))}</td></tr>"
            for name, value in self._options.items()
        )
        options = {"title": f"{self._name} options"}
        self._client.text(f"<table>{rows}</table>", win=f"{self._window}_options", opts=options)

    def _send_pictures(self) -> None:
        if self._pictures is None:
            return
        shown = self._pictures.pictures
        if self._columns > 0:
            sheet = captioned_grid(shown, columns=self._columns)
            columns = min(self._columns, len(shown))
            self._send_picture(1, f"{self._name} images", sheet, columns * self._width_px)
            return
        for number, (label, picture) in enumerate(shown.items(), start=1):
            self._send_picture(number, label, picture, self._width_px)

    def _send_picture(
        self, number: int, title: str, picture: npt.NDArray[np.uint8], width_px: int
    ) -> None:
        height, width, _ = picture.shape
        options = {"title": title, "width": width_px, "height": round(width_px * height / width)}
        window = str(int(self._window) + number)
        self._client.image(picture.transpose(2, 0, 1), win=window, opts=options)
