"""A run that is killed with SIGKILL and goes on equals one that never stopped, to the bit.

``make soak`` does it a hundred times.
"""

from pathlib import Path

import pytest

from scripts.soak import Soak, unequal


@pytest.mark.parametrize(("model", "workers"), [("pix2pix", 0), ("cycle_gan", 2)])
def test_a_killed_run_equals_a_straight_one(model: str, workers: int, tmp_path: Path) -> None:
    trial = Soak(tmp_path, model, epochs=4, workers=workers, seed=1)
    trial.run_straight()
    kills = 0
    while kills < 2:
        kills += trial.kill_until_finished(most_kills=2 - kills)
        assert trial.differences() == []


def test_the_comparison_sees_a_difference() -> None:
    assert unequal({"a": [1, {"b": 2.0}]}, {"a": [1, {"b": 2.5}]}) == [".a.1.b"]
    assert unequal({"a": 1}, {"a": 1, "b": 2}) == [""]
