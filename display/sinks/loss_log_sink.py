"""loss_log.txt: one header per start of the run, one line per report."""

import time
from pathlib import Path

from display.reports import LossReport
from display.sinks.base_sink import LogFile


class LossLog(LogFile):
    file_name = "loss_log.txt"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._append(f"================ Training Loss ({time.strftime('%c')}) ================")

    def losses(self, report: LossReport) -> None:
        self._append("\n".join(report.lines))

    def _append(self, text: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
