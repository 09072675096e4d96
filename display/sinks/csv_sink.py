"""losses.csv: all reports in full precision, for plots and for display/curves.py."""

import itertools
import logging
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from display.reports import LossReport, current_name
from display.sinks.base_sink import LogFile, Sink
from util.disk.text_files import read_text
from util.files import write_text

log = logging.getLogger(__name__)

_ADVICE = "move it out of the folder: a new one is started"


class CsvLog(LogFile):
    """Columns: epoch, images (since the run began), epoch_images (in the epoch), one per loss, one
    per ``validated`` value (empty between validations), lr, seconds (per image), data_share (0..1).

    A resumed run appends. A run with other losses starts a new file and renames the old one to
    losses.1.csv, or the next free number.
    """

    @classmethod
    def open(cls, folder: Path, opt: Namespace) -> Sink:
        path = folder / "losses.csv"
        _rename_values(path, opt.val_values)
        return cls(path, opt.val_values)

    def __init__(self, path: Path, validated: Sequence[str] = ()) -> None:
        super().__init__(path)
        self._validated = validated
        self._columns: list[str] = []

    def losses(self, report: LossReport) -> None:
        place = report.progress
        if twice := report.losses.keys() & {*self._validated}:
            raise ValueError(f"{', '.join(sorted(twice))} is the name of a loss of the model and "
                             "of a validation value: give the loss another name")
        row = {"epoch": place.epoch, "images": place.images, "epoch_images": place.epoch_images,
               **report.losses,
               **{name: report.validation.get(name, "") for name in self._validated},
               "lr": report.learning_rate, "seconds": report.seconds_per_image,
               "data_share": report.data_share}
        if list(row) != self._columns:
            self._columns = list(row)
            self._begin()
        self.append_rows([list(row.values())])

    def _begin(self) -> None:
        """Continue a file that has these columns; rename any other file and start a new one."""
        text = read_text(self.path, advice=_ADVICE) if self.path.exists() else ""
        header = text.partition("\n")[0].strip().split(",") if text.strip() else []
        if header == self._columns:
            # A run that was killed during a write leaves a line without an end.
            if not text.endswith("\n"):
                self.append_rows([[]])
            return
        if header:
            candidates = (self.path.with_suffix(f".{n}.csv") for n in itertools.count(1))
            aside = next(path for path in candidates if not path.exists())
            self.path.replace(aside)
            log.warning("%s has the columns %s, this run has %s: renamed the old file to %s",
                        self.path.name, ", ".join(header), ", ".join(self._columns), aside.name)
        self.append_rows([self._columns])


def _rename_values(path: Path, names: Sequence[str]) -> None:
    """Replace the names that the values ``names`` had in an earlier version, and log it."""
    if not path.exists():
        return
    header, end, rows = read_text(path, advice=_ADVICE).partition("\n")
    old = header.split(",")
    new = [current_name(name, names) for name in old]
    if changed := [pair for pair in zip(old, new, strict=True) if pair[0] != pair[1]]:
        write_text(path, ",".join(new) + end + rows)
        log.info("%s: %s: these values of cycles are now called %s", path.name,
                 *(", ".join(side) for side in zip(*changed, strict=True)))
