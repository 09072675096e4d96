"""A failed capture leaves torch as it was. The CUDA calls are replaced: see tests/gpu."""

import gc
from contextlib import nullcontext
from typing import Any

import pytest
import torch

from models.execution.cuda_graph import record_cuda_graph

GPU = torch.device("cuda", 0)


class Generator:
    def __init__(self, capturing: bool) -> None:
        self.capturing = capturing

    def clone_state(self) -> "Generator":
        return Generator(capturing=False)

    def graphsafe_set_state(self, state: "Generator") -> None:
        self.capturing = state.capturing


class Capture:
    """Stands for ``torch.cuda.graph``. ``ends``: leaving the block ends the capture."""

    ends = True
    mode = ""

    def __init__(self, graph: Any, pool: Any, capture_error_mode: str) -> None:
        Capture.mode = capture_error_mode

    def __enter__(self) -> None:
        torch.cuda.default_generators[0].capturing = True  # type: ignore[attr-defined]
        assert not gc.isenabled()

    def __exit__(self, *error: object) -> None:
        if not Capture.ends:
            raise RuntimeError("operation failed due to a previous error during capture")


@pytest.fixture
def freed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the CUDA calls; return the calls that free the memory of a capture."""
    calls: list[str] = []

    def end(device: int, pool: Any) -> None:
        if Capture.ends:
            raise RuntimeError("endAllocatePool: not currently recording to mempool_id")
        calls.append("end")

    class Graph:
        def replay(self) -> None:
            calls.append("replay")

    for name, value in {
        "CUDAGraph": Graph, "graph_pool_handle": tuple, "graph": Capture,
        "device": lambda device: nullcontext(), "stream": lambda stream: nullcontext(),
        "current_stream": lambda device: None, "current_device": lambda: 0,
        "default_generators": (Generator(capturing=False),),
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(torch._C, "_cuda_endAllocateToPool", end, raising=False)
    monkeypatch.setattr(torch._C, "_cuda_releasePool", lambda *pool: calls.append("release"),
                        raising=False)
    return calls


@pytest.mark.parametrize(("ends", "wanted"), [(True, []), (False, ["end", "release"])])
def test_after_a_failed_capture_dropout_and_memory_work(
    freed: list[str], ends: bool, wanted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Capture, "ends", ends)

    def step() -> None:
        raise RuntimeError("a blocking copy")

    with pytest.raises(RuntimeError):
        record_cuda_graph(step, GPU)
    assert freed == wanted
    assert not torch.cuda.default_generators[0].capturing  # type: ignore[attr-defined]
    assert gc.isenabled()


def test_other_threads_may_use_cuda_during_a_capture(freed: list[str]) -> None:
    replay = record_cuda_graph(lambda: None, GPU)
    replay()
    assert freed == ["replay"]
    assert Capture.mode == "thread_local"
