"""scripts/benchmarks/displays.py: its table, and the flags and events of every state."""

from unittest.mock import Mock

import pytest

from scripts.benchmarks.displays import DisplayCost, as_table, events, flags


def test_table_holds_medians_against_no_display_and_the_longest_exit() -> None:
    pytest.importorskip("visdom", reason="visdom is not installed")
    costs: dict[str, list[DisplayCost]] = {
        state: [{"step": step, "slowest": 2 * step, "exit": step / 10, "curve": "3 of 3"}
                for step in steps]
        for state, steps in {"none": (10.0, 30.0, 20.0), "hung": (21.0, 20.0, 90.0)}.items()
    }
    lines = as_table(costs, epochs=4).splitlines()
    assert lines[2] == "| none | 20.0 | +0.0% | 40.0 | 3.0 | 3 of 3 |"
    assert lines[3] == "| visdom, hung | 21.0 | +5.0% | 42.0 | 9.0 | 3 of 3 |"
    assert lines[-1].startswith("Medians of 3 runs of 600 steps")


def test_every_state_has_its_flags_and_events() -> None:
    def displays(state: str) -> list[str]:
        words = flags(state, 99, 1)
        return [word for word in words if word in ("--no_html", "--display_port", "--display_id")]

    assert displays("none") == ["--no_html", "--display_id"]
    assert displays("page") == ["--display_id"]
    for state in ("up", "missing", "hung", "restarted"):
        assert displays(state) == ["--no_html", "--display_port"]
    counts = {state: len(events(state, Mock())) for state in ("up", "hung", "beside", "restarted")}
    assert counts == {"up": 0, "hung": 1, "beside": 1, "restarted": 2}
