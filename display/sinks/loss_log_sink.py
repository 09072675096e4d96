"""loss_log.txt: one header per start of the run, one line per report."""

import time
from argparse import Namespace
from pathlib import Path

from display.reports import LossReport
from display.sinks.base_sink import Sink


class LossLog(Sink):
    order = 0

    @classmethod
    def open(cls, folder: Path, opt: Namespace) -> Sink:
        return cls(folder / "loss_log.txt")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._append(f"================ Training Loss ({time.strftime('%c')}) ================")

    def losses(self, report: LossReport) -> None:
        self._append("\n".join(report.lines))

    def _append(self, text: str) -> None:
        # The file is opened for every line, so nothing is lost when the run is killed.
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
