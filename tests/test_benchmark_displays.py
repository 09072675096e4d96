"""scripts/benchmarks/displays.py: its table, and the flags and events of every state."""

import pytest

from scripts.benchmarks.displays import STATES, DisplayCost, as_table


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
        words = STATES[state][1].split()
        return [word for word in words if word in ("--no_html", "--display_port", "--display_id")]

    assert displays("none") == displays("beside") == ["--no_html", "--display_id"]
    assert displays("page") == ["--display_id"]
    for state in ("up", "missing", "hung", "restarted"):
        assert displays(state) == ["--no_html", "--display_port"]
    counts = {state: len(STATES[state][2]) for state in ("missing", "up", "hung", "restarted")}
    assert counts == {"missing": 0, "up": 1, "hung": 2, "restarted": 3}
