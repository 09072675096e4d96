"""A notebook: loss curves and images in the output of the cell, redrawn during the training."""

import io
import sys
import time
from argparse import ArgumentParser, Namespace
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any

from display.curve_drawing import draw_figure, warm_up
from display.curve_file import CurveFile
from display.images import captioned_grid
from display.loss_groups import split_columns
from display.reports import LossReport, PictureReport, Progress
from display.sinks.base_sink import Sink
from util.png import encode_png

_PAUSE = 20  # times the seconds of the last drawing, so drawing takes at most 5 % of the time


class NotebookOutput(Sink):
    """Shows the curves of losses.csv and the newest images below the cell that trains."""

    title = "notebook display"

    @staticmethod
    def modify_commandline_options(parser: ArgumentParser, is_train: bool) -> None:
        group = parser.add_argument_group("notebook")
        group.add_argument("--no_notebook", action="store_true",
                           help="no curves and images below the cell, in Jupyter and Colab")

    @classmethod
    def open(cls, folder: Path, opt: Namespace) -> Sink | None:
        if opt.no_notebook or not is_notebook():
            return None
        with suppress(ImportError):  # the first drawing will report it
            warm_up()
        return cls(folder)

    def __init__(self, run_dir: Path) -> None:
        self._curve_file = CurveFile(run_dir / "losses.csv")
        self._shown: dict[str, bytes] = {}  # PNG files by name
        self._handle: Any = None  # IPython's handle of the output
        self._pictures: PictureReport | None = None
        self._progress: Progress | None = None  # of reports that are not drawn yet
        self._next_drawing = 0.0  # time.monotonic()

    def losses(self, report: LossReport) -> None:
        self._draw_if_due(report.progress)

    def pictures(self, report: PictureReport) -> None:
        self._pictures = report
        self._draw_if_due(report.progress)

    def close(self) -> None:
        if self._progress is not None:
            self._draw(self._progress)

    def _draw_if_due(self, progress: Progress) -> None:
        self._progress = progress
        if time.monotonic() >= self._next_drawing:
            self._draw(progress)

    def _draw(self, progress: Progress) -> None:
        start, self._progress = time.monotonic(), None
        self._curve_file.update(epoch_size=progress.epoch_size)
        curves = self._curve_file.curves
        if curves.epochs:
            losses, values = split_columns(curves.losses)
            figure, _ = draw_figure(curves, losses + values)
            png = io.BytesIO()
            figure.savefig(png, format="png", dpi=100)
            self._shown["loss curves"] = png.getvalue()
        if self._pictures is not None:
            rows, pictures = self._pictures.rows, self._pictures.pictures
            columns = max(map(len, rows), default=len(pictures))
            self._shown["newest images"] = encode_png(captioned_grid(pictures, columns=columns))
            self._pictures = None
        self._show()
        end = time.monotonic()
        self._next_drawing = end + _PAUSE * (end - start)

    def _show(self) -> None:
        """Show the curves and the images below the cell; replace the earlier ones."""
        from IPython.display import HTML, display

        images = (f'<img alt="{name}" src="data:image/png;base64,{b64encode(png).decode()}">'
                  for name, png in self._shown.items())
        output = HTML("<br>".join(images))
        if self._handle is None:
            self._handle = display(output, display_id=True)
        else:
            self._handle.update(output)


def is_notebook() -> bool:
    """Return whether this program runs in the kernel of a notebook (Jupyter, Colab, VS Code)."""
    ipython = sys.modules.get("IPython")
    return hasattr(ipython.get_ipython(), "kernel") if ipython else False
