"""doctor.csv: what the doctor said, and when it was over. The page and a resumed run read it."""

import csv
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from display.reports import Advice
from display.sinks.base_sink import Sink

DOCTOR_LOG = "doctor.csv"
_COLUMNS = ("epoch", "images", "complaint", "state", "seen", "meaning", "what_to_do")


class DoctorLog(Sink):
    """One row for each beginning and each end; no file while there is nothing to say."""

    order = 0

    @classmethod
    def open(cls, folder: Path, opt: Namespace) -> Sink:
        return cls(folder / DOCTOR_LOG)

    def __init__(self, path: Path) -> None:
        self.path = path

    def advise(self, advice: Advice) -> None:
        empty = not self.path.exists() or self.path.stat().st_size == 0
        row = (
            advice.epoch, advice.images, advice.complaint, "over" if advice.over else "begins",
            advice.seen, advice.meaning, advice.remedy,
        )
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([_COLUMNS, row] if empty else [row])


def read_advice(path: Path) -> list[Advice]:
    """Oldest first; torn lines, which a killed run can leave, are passed over."""
    if not path.exists():
        return []
    found = []
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if list(row) != list(_COLUMNS) or None in row.values():
                continue
            found.append(Advice(
                int(row["epoch"]), int(row["images"]), row["complaint"], row["seen"],
                row["meaning"], row["what_to_do"], over=row["state"] == "over",
            ))
    return found


def still_ill(advice: Sequence[Advice]) -> list[Advice]:
    """Those that have begun and are not over."""
    last = {one.complaint: one for one in advice}
    return [one for one in last.values() if not one.over]
