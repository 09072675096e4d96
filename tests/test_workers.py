import pytest

from data import workers
from data.workers import choose_workers, loading_advice
from util.distributed import Process


@pytest.mark.parametrize(
    ("device", "cached", "cores", "wanted"),
    [("cpu", True, 64, 0), ("cpu", False, 2, 1), ("cpu", False, 64, 4), ("cuda", True, 16, 4),
     ("cuda", False, 16, 8), ("cuda", False, 4, 3), ("cuda", True, 1, 0)],
)
def test_one_core_is_kept_for_the_training(
    device: str, cached: bool, cores: int, wanted: int
) -> None:
    assert choose_workers(device=device, cached=cached, cores=cores) == wanted


def test_trainings_on_one_machine_share_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "count_cores", lambda: 16)
    monkeypatch.setattr(workers, "current_process", lambda: Process(local_world_size=4))
    assert choose_workers(device="cuda", cached=False) == 3
    assert "uses all cores already" in loading_advice(cached=True, workers=4)


@pytest.mark.parametrize(
    ("cached", "processes", "knob"),
    [(False, 0, "--cache ram or --cache disk"), (True, 1, "more than --num_threads 1"),
     (True, 4, "lower --load_size")],
)
def test_the_advice_names_the_flag_that_reduces_waiting(
    cached: bool, processes: int, knob: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "count_cores", lambda: 4)
    assert knob in loading_advice(cached=cached, workers=processes)
