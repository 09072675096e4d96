"""Calls of a network without gradients: in the arithmetic of the test, and by CUDA graphs.

The work of the host for a small batch takes longer than that of a fast GPU. If batches of one size
repeat, the kernels are captured once and replayed by one call (models/execution/cuda_graph.py).
"""

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from inference.arithmetic import Arithmetic
from inference.prepare import move_to_device, prepare_in_place
from models.execution.cuda_graph import Replay, record_cuda_graph
from models.execution.wrappers import run_as

log = logging.getLogger(__name__)

CALLS_BEFORE = 3  # eager calls with inputs of a size before the next one is captured
MOST_GRAPHS = 4  # of a network; each keeps its working memory, until it is needed otherwise
LARGEST_INPUT = 2**19  # pixels of a batch; larger ones keep the GPU busy without a graph

Record = Callable[[Replay], Replay]
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Recording:
    """A captured call: copy the inputs into ``inputs``, replay, and read ``output``."""

    inputs: tuple[Tensor, ...]
    output: Tensor
    replay: Replay

    def __call__(self, inputs: tuple[Tensor, ...]) -> Tensor:
        for place, value in zip(self.inputs, inputs, strict=True):
            place.copy_(value)
        self.replay()
        return self.output.clone()


class FastForward:
    """Stands for ``net.forward``: the same inputs, and float32 outputs.

    ``record`` captures a function without running it and returns its replay; None: no graphs. The
    random numbers of a replay are those of an eager call with the same seed. After a failed capture
    all networks of the test run eagerly, because torch then uses another random generator than
    that of the earlier graphs.
    """

    def __init__(
        self, net: nn.Module, arithmetic: Arithmetic, *, channels_last: bool,
        record: Record | None,
    ) -> None:
        self.net, self.arithmetic, self.channels_last = net, arithmetic, channels_last
        self._record = record
        self._calls: Counter[Key] = Counter()
        self._recordings: OrderedDict[Key, Recording] = OrderedDict()

    @classmethod
    def on(cls, net: nn.Module, arithmetic: Arithmetic, *, exact: bool) -> "FastForward":
        """Return the fast call on CUDA; on other devices, and if ``exact``, a plain one."""
        fast = arithmetic.may_record and not exact
        record = partial(record_cuda_graph, device=arithmetic.device) if fast else None
        return cls(net, arithmetic, channels_last=fast, record=record)

    def __call__(self, *inputs: Any, **settings: Any) -> Any:
        if self._record is None or settings or not _may_record(inputs):
            return self._eager(*inputs, **settings)
        if not self.arithmetic.may_record:
            self._record, self._recordings = None, OrderedDict()
            return self._eager(*inputs)
        key = (self.arithmetic.current, *((value.shape, value.dtype) for value in inputs))
        recording = self._recordings.get(key)
        if recording is None:
            self._calls[key] += 1
            if self._calls[key] <= CALLS_BEFORE:
                return self._eager(*inputs)
            recording = self._capture(inputs)
            if recording is None:
                return self._eager(*inputs)
            self._recordings[key] = recording
            if len(self._recordings) > MOST_GRAPHS:
                self._recordings.popitem(last=False)
        self._recordings.move_to_end(key)
        return recording(inputs)

    def _eager(self, *inputs: Any, **settings: Any) -> Any:
        try:
            return self._run(*inputs, **settings)
        except torch.OutOfMemoryError:
            if not self._recordings:
                raise
        self._recordings.clear()  # their memory is free again
        torch.cuda.empty_cache()
        return self._run(*inputs, **settings)

    def _run(self, *inputs: Any, **settings: Any) -> Any:
        dtype = self.arithmetic.dtype
        forward = type(self.net).forward
        if dtype is None and not self.channels_last:
            return forward(self.net, *inputs, **settings)
        return run_as(self.net, *inputs, forward=forward, dtype=dtype, parts=1,
                      channels_last=self.channels_last, **settings)

    def _capture(self, inputs: tuple[Tensor, ...]) -> Recording | None:
        """Return a recording; after a failure None, and no further one is tried."""
        own = tuple(value.clone() for value in inputs)
        device, outputs = own[0].device, []
        state = _random_state(device)
        try:
            _on_side_stream(partial(self._run, *own), device)
            assert self._record is not None
            replay = self._record(lambda: outputs.append(self._run(*own)))
            if not isinstance(outputs[-1], Tensor):
                raise RuntimeError("the network returns something else than one tensor")
            return Recording(own, outputs[-1], replay)
        except RuntimeError as error:
            self.arithmetic.may_record = False
            log.info("equal sizes are translated without a CUDA graph: %s",
                     str(error).partition("\n")[0])
            return None
        finally:
            _set_random_state(state, device)


def speed_up(
    networks: Iterable[nn.Module], device: torch.device, *, running_statistics: bool,
    precision: str, exact: bool,
) -> Arithmetic:
    """Prepare the networks of a model for a test, in place; return their common arithmetic.

    ``running_statistics``: see ``prepare``. ``exact``: torch's own layout, kernels and, unless
    ``precision`` is given, arithmetic.
    """
    arithmetic = Arithmetic.of(precision, device, exact=exact)
    for net in networks:
        move_to_device(prepare_in_place(net, running_statistics=running_statistics), device,
                       exact=exact)
        if device.type == "cuda" or arithmetic.current != "default":
            net.forward = FastForward.on(net, arithmetic, exact=exact)
    return arithmetic


def _may_record(inputs: tuple[Any, ...]) -> bool:
    """Return whether all inputs are tensors, none is large, and no gradients are wanted."""
    if torch.is_grad_enabled() or not all(isinstance(value, Tensor) for value in inputs):
        return False
    return all(value[:, :1].numel() <= LARGEST_INPUT for value in inputs if value.ndim == 4)


def _on_side_stream(call: Callable[[], object], device: torch.device) -> None:
    """Call once as torch requires it before a capture: on another stream than the current one."""
    if device.type != "cuda":
        call()
        return
    current, side = torch.cuda.current_stream(device), torch.cuda.Stream(device)
    side.wait_stream(current)
    with torch.cuda.stream(side):
        call()
    current.wait_stream(side)


def _random_state(device: torch.device) -> Tensor:
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def _set_random_state(state: Tensor, device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)
