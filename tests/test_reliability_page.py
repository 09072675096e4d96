"""docs/reliability.md names tests as proofs; they exist. The table of `make soak` is complete."""

import ast
import re
from pathlib import Path
from types import SimpleNamespace as Report

from soak_table import soak_table

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reliability.md"
NAMED = re.compile(r"`(tests/\w+\.py)(?:::(\w+))?`")


def functions(file: Path) -> dict[str, bool]:
    """Return name -> whether it, or one of its cases, is marked as soak."""
    return {item.name: any("mark.soak" in ast.unparse(mark) for mark in item.decorator_list)
            for item in ast.parse(file.read_text()).body if isinstance(item, ast.FunctionDef)}


def test_every_promise_names_tests_that_exist() -> None:
    promises = PAGE.read_text().partition("## Promises")[2].partition("\n## ")[0]
    rows = [line for line in promises.splitlines() if line.startswith("| ")][2:]
    assert len(rows) > 15
    for row in rows:
        named = NAMED.findall(row)
        assert named, f"no test: {row}"
        for file, function in named:
            assert (ROOT / file).is_file(), file
            assert not function or function in functions(ROOT / file), f"{file} has no {function}"


def test_the_page_has_a_row_for_every_soak_test() -> None:
    table = PAGE.read_text().partition("## Measured")[2].partition("\n## ")[0]
    found = {f"tests/{file.name}::{name}" for file in (ROOT / "tests").glob("test_*.py")
             for name, is_soak in functions(file).items() if is_soak}
    assert {"::".join(names) for names in NAMED.findall(table)} == found


def report(name: str, outcome: str = "passed", when: str = "call", **more: object) -> Report:
    properties = [*more.items()]
    return Report(nodeid=name, outcome=outcome, when=when, duration=2.0, keywords={"soak": 1},
                  user_properties=properties)


def test_the_table_of_soak_tests() -> None:
    reports = [
        report("b.py::kills[1]", measured="100 kills"), report("b.py::kills[2]", "failed"),
        report("b.py::kills[1]", when="setup"), report("a.py::gone", "skipped", "setup"),
        report("a.py::broken", "failed", "setup"), report("a.py::fast", other="x"),
    ]
    reports[-1].keywords = {}
    assert soak_table(reports)[2:] == [
        "| `a.py::broken` | 1 | 1 failed | 2 |  |",
        "| `a.py::gone` | 1 | 1 skipped | 2 |  |",
        "| `b.py::kills` | 2 | 1 passed, 1 failed | 4 | 100 kills |",
    ]
    assert soak_table(reports[-1:]) == []
