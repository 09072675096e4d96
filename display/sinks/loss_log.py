"""loss_log.txt: one line per report, one header per start of the run."""

import time
from pathlib import Path

from display.reports import LossReport
from display.sinks import Sink


class LossLog(Sink):
    def __init__(self, path: Path) -> None:
        self.path = path
        self._append(f"================ Training Loss ({time.strftime('%c')}) ================")

    def losses(self, report: LossReport) -> None:
        self._append("\n".join(report.lines))

    def _append(self, line: str) -> None:
        # Opened for every line: nothing is lost when the run is killed.
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
