"""The base class of all displays."""

import csv
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path

from display.reports import Advice, FilmReport, LossReport, PictureReport, Progress, StatusReport

# The methods of ``Sink`` that take a report of the run.
REPORTS = ("start_epoch", "advance", "losses", "status", "pictures", "film", "advise", "end_epoch")


class Sink:
    """A display of a run. Override the methods of the reports that it shows."""

    title = "display"  # in messages
    in_training = True  # whether train.py opens it
    in_tests = False  # whether test.py opens it
    # Lower numbers are opened and called first, equal numbers by file name. The log files have 0,
    # because other displays read them.
    order = 10

    @staticmethod
    def modify_commandline_options(parser: ArgumentParser, is_train: bool) -> None:
        """Add the flags of this display, in a titled group."""

    @classmethod
    def open(cls, folder: Path, opt: Namespace) -> "Sink | None":
        """Create the display; return None if it is not wanted, or its package is missing.

        ``folder`` is the folder of the run, in a test that of the results.
        """
        return cls()

    def start_epoch(self, progress: Progress) -> None: ...
    def losses(self, report: LossReport) -> None: ...
    def status(self, report: StatusReport) -> None: ...
    def pictures(self, report: PictureReport) -> None: ...
    def film(self, report: FilmReport) -> None: ...
    def advise(self, advice: Advice) -> None: ...
    def end_epoch(self, progress: Progress) -> None: ...

    def advance(self, progress: Progress) -> None:
        """Follow a training step. This runs after every step and must take microseconds only."""

    def refresh(self) -> None:
        """Show all reports received so far. ``Background`` calls it when its queue is empty."""

    def finish(self) -> None:
        """Expect no more reports. All displays get this call before the first is closed."""

    def close(self) -> None: ...


class LogFile(Sink):
    """A display that appends to a file in the run's folder. ``file_name`` is its name.

    The file is opened for every report, so nothing is lost when the run is killed.
    """

    order = 0
    file_name = ""

    @classmethod
    def open(cls, folder: Path, opt: Namespace) -> Sink | None:
        return cls(folder / cls.file_name)

    def __init__(self, path: Path) -> None:
        self.path = path

    def append_rows(self, rows: Iterable[Sequence[object]]) -> None:
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
