"""The benchmark of the displays: how it sums up what it measured."""

import runpy
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parent.parent / "scripts"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(SCRIPTS)
    return runpy.run_path(str(SCRIPTS / "benchmark_displays.py"))


def test_table_holds_medians_against_no_display_and_the_longest_exit(
    benchmark: dict[str, Any],
) -> None:
    pytest.importorskip("visdom", reason="visdom is not installed")
    Run = benchmark["Run"]
    runs = {
        state: [Run(step, 2 * step, step / 10, "3 of 3") for step in steps]
        for state, steps in {"none": (10.0, 30.0, 20.0), "hung": (21.0, 20.0, 90.0)}.items()
    }
    lines = benchmark["as_table"](runs, epochs=4).splitlines()
    assert lines[2] == "| none | 20.0 | +0.0% | 40.0 | 3.0 | 3 of 3 |"
    assert lines[3] == "| visdom, hung | 21.0 | +5.0% | 42.0 | 9.0 | 3 of 3 |"
    assert lines[-1].startswith("Medians of 3 runs of 600 steps")


def test_every_state_has_its_flags_and_events(benchmark: dict[str, Any]) -> None:
    def displays(state: str) -> list[str]:
        words = benchmark["flags"](Path(), "x", state, 99, 1)
        return [word for word in words if word in ("--no_html", "--display_port", "--display_id")]

    assert displays("none") == ["--no_html", "--display_id"]
    assert displays("page") == ["--display_id"]
    for state in ("up", "missing", "hung", "restarted"):
        assert displays(state) == ["--no_html", "--display_port"]
    counts = {state: len(benchmark["events"](state, None)) for state in ("up", "hung")}
    assert counts == {"up": 0, "hung": 1}
