"""One training step of a model: eager, or captured as a CUDA graph and replayed.

A step of a small network is thousands of kernels, and a fast GPU waits for the host to launch them.
A graph launches all of them with one call (CUDA C++ programming guide, CUDA graphs). A replay runs
the same kernels on the same memory, without new decisions of the host.
"""

import logging
import pickle
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data.base_dataset import Batch
from models.base_model import BaseModel
from models.execution.cuda_graph import Replay, record_cuda_graph
from util.distributed import current_process
from util.image_pool import ImagePool
from util.random_states import random_state, set_random_state

log = logging.getLogger(__name__)

WARM_UP = 3  # steps, in which libraries choose kernels and allocate working memory


class TrainingStep:
    """Called with a batch, it trains the model for one step."""

    def __init__(self, model: BaseModel) -> None:
        self.model = model

    def __call__(self, batch: Batch) -> None:
        self.learn(batch)
        if self.model.parts.plateau:
            self.model.parts.plateau.add(self.model.reported)

    def learn(self, batch: Batch) -> None:
        self.model.set_input(batch)
        self.model.optimize_parameters()


class RecordedStep(TrainingStep):
    """Captures the fourth step and replays it. Batches of another size run eagerly.

    If capture fails, all steps run eagerly and a warning is logged. ``record`` captures its
    argument without running it, and returns a replay.
    """

    def __init__(self, model: BaseModel, record: Callable[[Replay], Replay]) -> None:
        super().__init__(model)
        self._record = record
        self._replay: Replay | None = None
        self._failed = self._logged_other_sizes = False
        self._sizes: dict[str, torch.Size] = {}
        self._equal_steps = 0
        self._inputs: dict[str, Tensor] = {}  # attributes that ``set_input`` sets
        self._results: dict[str, Any] = {}  # attributes that ``optimize_parameters`` sets
        cuda = model.device.type == "cuda"
        self._side_stream = torch.cuda.Stream(model.device) if cuda else None

    def learn(self, batch: Batch) -> None:
        before = dict(vars(self.model))
        self.model.set_input(batch)
        inputs = {name: value for name, value in _changed(self.model, before).items()
                  if isinstance(value, Tensor)}
        sizes = _sizes(inputs)
        self._equal_steps = self._equal_steps + 1 if sizes == self._sizes else 1
        self._sizes = sizes
        if self._replay is None and not self._failed and self._equal_steps > WARM_UP:
            self._capture(inputs)
        if self._replay and sizes == _sizes(self._inputs):
            self._run(self._replay, inputs)
            return
        if self._replay and not self._logged_other_sizes:
            self._logged_other_sizes = True
            log.info("--cuda_graph: batches of another size than the captured one run without it")
        # Before a capture, torch requires warm-up steps on a side stream.
        with _on(self._side_stream):
            self.model.optimize_parameters()

    def _capture(self, inputs: Mapping[str, Tensor]) -> None:
        """Set ``_replay``, or log why that failed; the state of the model is restored then."""
        self._inputs = {name: value.clone() for name, value in inputs.items()}
        vars(self.model).update(self._inputs)
        pools = [pool for pool in self.model.parts.pools.values() if pool.size]
        before = dict(vars(self.model))
        states = random_state() | {"cuda": []}  # capture does not change those of the GPU
        try:
            self._replay = self._checked_replay(pools)
        except RuntimeError as error:
            self._failed = True
            reason = str(error).partition("\n")[0]
            log.warning("--cuda_graph: capture failed, all steps run without it: %s", reason)
            vars(self.model).clear()
            vars(self.model).update(before)
            set_random_state(states)
            self._renew_scalers()
        for pool in pools:
            pool.keep_draw()  # nothing was taken from the pool during capture

    def _checked_replay(self, pools: Sequence[ImagePool]) -> Replay:
        """Capture; raise RuntimeError if a replay would not do the same as the step."""
        before, host_state = dict(vars(self.model)), self._host_random_state()
        queries = [pool.queries + 1 for pool in pools]
        for pool in pools:
            pool.fix()
            pool.draw()
        for optimizer in self.model.parts.optimizers.values():
            optimizer.zero_grad()  # gradients must be allocated during capture
        replay = self._record(self.model.optimize_parameters)
        self._results = _changed(self.model, before)
        _require_tensors(self._results)
        if host_state != self._host_random_state():
            raise RuntimeError("the step draws random numbers on the host")
        if [pool.queries for pool in pools] != queries:
            raise RuntimeError("the step does not query each image buffer once")
        return replay

    def _run(self, replay: Replay, inputs: Mapping[str, Tensor]) -> None:
        for name, value in inputs.items():
            self._inputs[name].copy_(value)
        vars(self.model).update(self._inputs)
        for pool in self.model.parts.pools.values():
            pool.draw()
        replay()
        for pool in self.model.parts.pools.values():
            pool.drop_draw()
        vars(self.model).update(self._results)

    def _host_random_state(self) -> bytes:
        """Return the random states of the host. On a CPU, torch's state is that of the device."""
        on_gpu = self._side_stream is not None
        states = random.getstate(), np.random.get_state()
        return pickle.dumps(states) + bytes(torch.get_rng_state().numpy() if on_gpu else b"")

    def _renew_scalers(self) -> None:
        """Replace the loss scalers: after an incomplete step they refuse the next one."""
        model, scalers = self.model, self.model.parts.scalers
        for name, scaler in scalers.items():
            scalers[name] = model.speed.make_scaler(model.device)
            scalers[name].load_state_dict(scaler.state_dict())


def training_step(model: BaseModel, *, cuda_graph: bool) -> TrainingStep:
    """Return the step; log which flags for speed have no effect, and why."""
    for line in model.speed.remarks(model.device):
        log.info("%s", line)
    if not cuda_graph:
        return TrainingStep(model)
    if model.speed.graph and model.parts.rates_are_tensors:
        return RecordedStep(model, partial(record_cuda_graph, device=model.device))
    reason = ("there are several processes" if current_process().is_distributed
              else "an optimizer of this class reads its learning rate on the host"
              if model.speed.graph else f"the device is {model.device}")
    log.info("--cuda_graph has no effect, since %s", reason)
    return TrainingStep(model)


@contextmanager
def _on(stream: torch.cuda.Stream | None) -> Iterator[None]:
    """Run the block on ``stream``, in order with the current one; None: on the current one."""
    if stream is None:
        yield
        return
    current = torch.cuda.current_stream(stream.device)
    stream.wait_stream(current)
    with torch.cuda.stream(stream):
        yield
    current.wait_stream(stream)


def _changed(model: BaseModel, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of the model that are not the same objects as in ``before``."""
    return {name: value for name, value in vars(model).items()
            if name not in before or value is not before[name]}


def _sizes(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in tensors.items()}


def _require_tensors(results: Mapping[str, Any]) -> None:
    """Raise RuntimeError if a step sets something else than tensors, such as a counter."""
    for name, value in results.items():
        values = value.values() if isinstance(value, dict) else [value]
        if not all(isinstance(item, Tensor) for item in values):
            raise RuntimeError(f"the step changes self.{name}, which is not a tensor")
