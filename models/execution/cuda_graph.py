"""Capture a function as a CUDA graph, and repair what a failed capture leaves behind.

Rules for a capture (PyTorch documentation, "CUDA semantics", CUDA graphs): the captured thread
allocates no pinned memory, copies nothing from or to pageable memory, and neither waits for the
device nor asks for its state; random numbers come from generators that the graph knows; nothing
that holds CUDA memory of another graph is freed meanwhile. Other threads may use CUDA, because the
mode of the capture is ``thread_local``: the loader pins batches and checkpoints are copied to the
host while a step is captured.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

Replay = Callable[[], None]


def record_cuda_graph(step: Replay, device: torch.device) -> Replay:
    """Capture ``step`` without running it, and return its replay.

    Raises:
        RuntimeError: the step waits for the device, or cannot be part of a graph. Steps can run
            eagerly afterwards.
    """
    graph, pool = torch.cuda.CUDAGraph(), torch.cuda.graph_pool_handle()
    # The outer block selects the former stream again: torch does not after a failed capture.
    with torch.cuda.device(device), torch.cuda.stream(torch.cuda.current_stream(device)):
        try:
            with _no_garbage_collection(), \
                    torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
                step()
        except BaseException:
            _forget_capture(torch.cuda.current_device(), pool)
            raise
    return graph.replay


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Free no cycles of Python objects meanwhile: one of them may be a graph or an event."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _forget_capture(device: int, pool: Any) -> None:
    """Make the random generator and the allocator leave the state "capturing".

    Otherwise dropout raises "Offset increment outside graph capture", and the memory of the
    incomplete step is never used again. torch has no public function for the latter.
    """
    generator = torch.cuda.default_generators[device]
    generator.graphsafe_set_state(generator.clone_state())  # a copy is not capturing
    try:
        torch._C._cuda_endAllocateToPool(device, pool)
    except RuntimeError:
        return  # the capture had ended: the graph releases its memory itself
    torch._C._cuda_releasePool(device, pool)
