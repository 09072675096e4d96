"""visdom: losses, learning rate, images and options, live in a browser."""

import html
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from display.curve_file import read_curves
from display.curves import Curves, Series
from display.images import captioned_grid
from display.loss_groups import charts, line_styles, split_columns
from display.reports import Image8, LossReport, PictureReport, Progress
from display.sinks.background import Background
from display.sinks.base_sink import Sink
from display.sinks.visdom_client import connect
from util.flags import limits, word

_PLOTS = {  # part -> suffix of the window's name, title, vertical axis
    "losses": ("", "loss over time: ", "loss"),
    "rates": ("_lr", "learning rate", "learning rate"),
    "validation": ("_validation", "", "value"),
}


@dataclass(eq=False)
class VisdomServer(Sink):
    """Window ``display_id`` shows the first group of losses, the windows after it the images;
    ``<id>_lr``, ``<id>_validation`` and ``<id>_options`` show the learning rate, the values of
    validations and the options of the run; ``<id>_group_2``, ``<id>_validation_group_2``, ... show
    further groups, so that large losses do not flatten small ones.

    A row has ``columns`` images; 0 or less gives every image a window of its own. Images are
    ``width_px`` wide. The curves of an earlier start of the run are read from ``losses_csv``.

    Reports are only stored; ``refresh`` sends what has changed. A part that could not be sent is
    sent later, and a server that was restarted gets all windows again.
    """

    client: Any
    name: str
    display_id: int
    columns: int
    width_px: int
    losses_csv: Path
    options: Mapping[str, object]

    title = "visdom display"

    @staticmethod
    def modify_commandline_options(parser: ArgumentParser, is_train: bool) -> None:
        add = parser.add_argument_group("visdom").add_argument
        add("--display_id", type=limits.window, default=1, help="visdom window; 0 = no visdom")
        add("--display_server", type=word, default="http://localhost", help="visdom server")
        add("--display_port", type=limits.port, default=8097, help="visdom port")
        add("--display_env", type=word, default="main", help="visdom environment")
        add("--display_ncols", type=limits.window, default=4,
            help="images in a row; 0 = a window for each image")

    @classmethod
    def open(cls, folder: Path, opt: Namespace) -> Sink | None:
        server = {"server": opt.display_server, "port": opt.display_port, "env": opt.display_env}
        if opt.display_id <= 0 or not (client := connect(**server)):
            return None
        windows = cls(client, name=opt.name, display_id=opt.display_id, columns=opt.display_ncols,
                      width_px=opt.display_winsize, losses_csv=folder / "losses.csv",
                      options=vars(opt))
        # Drawing more often would take too much of the interpreter's time from the training.
        return Background(windows, pictures=1, pause_seconds=2.0)

    def __post_init__(self) -> None:
        self._curves = {part: Curves() for part in _PLOTS}
        self._pictures: Mapping[str, Image8] = {}
        self._windows: dict[str, int] = {}  # part -> number of its windows
        self._due = {"options"}
        self._sent: set[str] = set()

    def start_epoch(self, progress: Progress) -> None:
        if not self._curves["losses"].epochs:
            past = read_curves(self.losses_csv, epoch_size=progress.epoch_size,
                               before=progress.epoch_position)
            losses, measured = split_columns(past.losses)
            names = {"losses": losses, "rates": past.losses.keys() & {"lr"}, "validation": measured}
            self._curves = {part: past.known(*names[part]) for part in _PLOTS}

    def losses(self, report: LossReport) -> None:
        position = report.progress.epoch_position
        self._curves["losses"].add(position, report.losses)
        self._curves["rates"].add(position, {"lr": report.learning_rate})
        if report.validation:
            self._curves["validation"].add(position, report.validation)
        self._due |= {part for part, curves in self._curves.items() if curves.epochs}

    def pictures(self, report: PictureReport) -> None:
        self._pictures = report.pictures
        self._due.add("pictures")

    def refresh(self) -> None:
        if not self._due:
            return
        if "losses" in self._sent and not self.client.has_window(str(self.display_id)):
            self._due |= self._sent  # the server was restarted
        senders = {"options": self._send_options, "pictures": self._send_pictures}
        for part in ("options", *_PLOTS, "pictures"):
            if part in self._due:
                senders.get(part, partial(self._send_plot, part))()
                self._due.remove(part)
                self._sent.add(part)

    def _send_plot(self, part: str) -> None:
        # The whole thinned curve is sent each time. If points were appended, the work of the server
        # would grow with the length of the curve.
        suffix, title, ylabel = _PLOTS[part]
        window, curves = f"{self.display_id}{suffix}", self._curves[part]
        if part == "rates":
            self._send_line(window, title, ylabel, *curves.thinned())
            return
        groups = charts(curves, list(curves.losses))
        styles = line_styles([*self._curves["losses"].losses, *self._curves["validation"].losses])
        for number, chart in enumerate(groups, start=1):
            lines = [styles[name] for name in chart.values]
            colours = [[int(line.colour[place : place + 2], 16) for place in (1, 3, 5)]
                       for line in lines]
            self._send_line(
                window if number == 1 else f"{window}_group_{number}", f"{title}{chart.title}",
                ylabel, chart.epochs, chart.values, linecolor=np.array(colours),
                dash=np.array([line.dash for line in lines]),
                ytype="log" if chart.is_log else "linear",
            )
        for number in range(len(groups) + 1, self._windows.get(part, 0) + 1):
            self.client.close(f"{window}_group_{number}")
        self._windows[part] = len(groups)

    def _send_line(
        self, window: str, title: str, ylabel: str, epochs: Series, values: Mapping[str, Series],
        **options: object,
    ) -> None:
        # plotly reads tags in its texts; the bar of the window shows its title as it is.
        title = f"{self.name} {title}"
        options |= {"title": title, "layoutopts": {"plotly": {"title": html.escape(title, False)}},
                    "legend": [html.escape(name, False) for name in values], "showlegend": True,
                    "xlabel": "epoch", "ylabel": ylabel}
        self.client.line(np.stack(list(values.values()), axis=1), X=epochs, win=window,
                         opts=options)

    def _send_options(self) -> None:
        rows = "".join(f"<tr><td>{html.escape(name)}</td><td>{html.escape(str(value))}</td></tr>"
                       for name, value in self.options.items())
        self.client.text(f"<table>{rows}</table>", win=f"{self.display_id}_options",
                          opts={"title": f"{self.name} options"})

    def _send_pictures(self) -> None:
        shown, width_px = self._pictures, self.width_px
        if self.columns > 0:
            width_px *= min(self.columns, len(shown))
            shown = {f"{self.name} images": captioned_grid(shown, columns=self.columns)}
        for number, (title, picture) in enumerate(shown.items(), start=self.display_id + 1):
            height, width, _ = picture.shape
            opts = {"title": title, "width": width_px, "height": round(width_px * height / width)}
            self.client.image(picture.transpose(2, 0, 1), win=str(number), opts=opts)
