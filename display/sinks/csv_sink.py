"""losses.csv: every report in full precision, for plots and for display/curves.py."""

import csv
import itertools
import logging
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from display.reports import VALUE, LossReport
from display.sinks.base_sink import Sink

log = logging.getLogger(__name__)


class CsvLog(Sink):
    """Columns: epoch, images (since the run began), epoch_images (in this epoch), one per loss, one
    per ``validated`` value (empty between validations), lr, seconds (per image), data_share (0..1).

    A resumed run appends. A run with other losses starts a new file and keeps the old one as
    losses.1.csv (or the next free number).
    """

    order = 0

    @classmethod
    def open(cls, folder: Path, opt: Namespace) -> Sink:
        names = opt.val_metrics if opt.val_phase else []
        return cls(folder / "losses.csv", [VALUE + name for name in names])

    def __init__(self, path: Path, validated: Sequence[str] = ()) -> None:
        self.path = path
        self._validated = validated
        self._columns: list[str] = []

    def losses(self, report: LossReport) -> None:
        row = {
            "epoch": report.progress.epoch,
            "images": report.progress.images,
            "epoch_images": report.progress.epoch_images,
            **report.losses,
            **{name: report.validation.get(name, "") for name in self._validated},
            "lr": report.learning_rate,
            "seconds": report.seconds_per_image,
            "data_share": report.data_share,
        }
        if list(row) != self._columns:
            self._columns = list(row)
            self._begin()
        self._append([list(row.values())])

    def _begin(self) -> None:
        """Continue a file with our columns, or put it aside and start one."""
        found = _read_header(self.path)
        if found == self._columns:
            self._finish_torn_line()
            return
        if found:
            aside = _free_name(self.path)
            self.path.replace(aside)
            log.warning(
                "%s has the columns %s, this run has %s: kept the old file as %s",
                self.path.name, ", ".join(found), ", ".join(self._columns), aside.name,
            )
        self._append([self._columns])

    def _finish_torn_line(self) -> None:
        # A run killed in the middle of a write leaves a line without an end.
        if not self.path.read_bytes().endswith(b"\n"):
            with self.path.open("a", encoding="utf-8") as file:
                file.write("\n")

    def _append(self, rows: Sequence[Sequence[object]]) -> None:
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


def _read_header(path: Path) -> list[str]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file), [])


def _free_name(path: Path) -> Path:
    candidates = (path.with_suffix(f".{number}{path.suffix}") for number in itertools.count(1))
    return next(candidate for candidate in candidates if not candidate.exists())
