"""The table that `make soak` prints at its end: one row for each test function."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

HEAD = ("test", "cases", "result", "seconds", "measured")


def soak_table(reports: Iterable[Any]) -> list[str]:
    """Return the lines of a Markdown table of the soak tests in ``reports``, [] if there are none.

    A test adds its figures with ``record_property("measured", text)``.

    Args:
        reports: reports of pytest, of any outcome and phase.
    """
    # A skipped test has a report of its setup, and a fixture may fail.
    counted = [report for report in reports if "soak" in report.keywords
               and (report.when == "call" or report.outcome != "passed")]
    by_test = sorted(counted, key=lambda report: _name(report))
    rows = [_row(name, list(cases)) for name, cases in groupby(by_test, _name)]
    return [_line(row) for row in (HEAD, ["---"] * len(HEAD), *rows)] if rows else []


def _name(report: Any) -> str:
    return str(report.nodeid.partition("[")[0])


def _row(name: str, cases: Sequence[Any]) -> list[str]:
    outcomes = [case.outcome for case in cases]
    result = ", ".join(f"{outcomes.count(kind)} {kind}" for kind in ("passed", "failed", "skipped")
                       if kind in outcomes)
    measured = [str(value) for case in cases for key, value in case.user_properties
                if key == "measured"]
    seconds = sum(case.duration for case in cases)
    return [f"`{name}`", str(len(cases)), result, f"{seconds:.0f}", "; ".join(measured)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
