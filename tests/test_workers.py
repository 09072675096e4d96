import logging

import pytest

from data import workers
from data.workers import Waiting, choose_workers


@pytest.mark.parametrize(
    ("device", "cached", "cores", "wanted"),
    [("cpu", True, 64, 0), ("cpu", False, 2, 1), ("cpu", False, 64, 4), ("cuda", True, 16, 4),
     ("cuda", False, 16, 8), ("cuda", False, 4, 3), ("cuda", True, 1, 0)],
)
def test_one_core_is_left_to_the_training(
    device: str, cached: bool, cores: int, wanted: int
) -> None:
    assert choose_workers(device=device, cached=cached, cores=cores) == wanted


def test_trainings_on_one_machine_share_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "count_cores", lambda: 16)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert choose_workers(device="cuda", cached=False) == 3


@pytest.mark.parametrize(
    ("cached", "workers_", "knob"),
    [(False, 0, "--cache ram or --cache disk"), (True, 1, "more than --num_threads 1"),
     (True, 4, "lower --load_size")],
)
def test_waiting_is_said_once_with_the_flag_that_helps(
    cached: bool, workers_: int, knob: str, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(workers, "count_cores", lambda: 4)
    waiting = Waiting(cached=cached, workers=workers_)
    for share in (0.9, 0.14, 0.5, 0.6):  # the first look: workers start
        waiting.look(share)
    [line] = caplog.messages
    assert line.startswith("50 % of the time is spent waiting for pictures: ")
    assert knob in line
