"""doctor.csv: the problems that the doctor reported, and when each ended.

The web page and a resumed run read it.
"""

from collections.abc import Sequence
from pathlib import Path

from display.reports import Advice
from display.sinks.base_sink import LogFile
from util.disk.text_files import read_csv

DOCTOR_LOG = "doctor.csv"
_COLUMNS = ("epoch", "images", "complaint", "state", "seen", "meaning", "what_to_do")


class DoctorLog(LogFile):
    """Writes one row when a problem begins and one when it ends. The first row creates the file."""

    file_name = DOCTOR_LOG

    def advise(self, advice: Advice) -> None:
        empty = not self.path.exists() or self.path.stat().st_size == 0
        row = (advice.epoch, advice.images, advice.complaint, "over" if advice.over else "begins",
               advice.seen, advice.meaning, advice.remedy)
        self.append_rows([_COLUMNS, row] if empty else [row])


def read_advice(path: Path) -> list[Advice]:
    """Return all rows, oldest first. Ignore incomplete lines, which a killed run can leave."""
    if not path.exists():
        return []
    advice = []
    for row in read_csv(path, advice="move it out of the folder"):
        is_complete = list(row) == list(_COLUMNS) and None not in row.values()
        if is_complete and row["epoch"].isdecimal() and row["images"].isdecimal():
            advice.append(Advice(
                int(row["epoch"]), int(row["images"]), row["complaint"], row["seen"],
                row["meaning"], row["what_to_do"], over=row["state"] == "over"))
    return advice


def open_problems(advice: Sequence[Advice]) -> list[Advice]:
    """Return the problems that have begun and have not ended."""
    last = {item.complaint: item for item in advice}
    return [item for item in last.values() if not item.over]
