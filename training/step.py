"""One training step of a model: one by one, or recorded as a CUDA graph and replayed.

A step of a small network is thousands of kernels, each started by the host; on a fast GPU the host
is the slower one. A graph starts them all by one call (CUDA C++ programming guide, CUDA graphs).
A replay does what was done in the recording, in the same places of memory: inputs are copied
there, results are found there, and what the host decides must be decided before.
"""

import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data.base_dataset import Batch
from models.base_model import BaseModel
from util.distributed import current_process
from util.image_pool import ImagePool
from util.random_states import random_state, set_random_state

log = logging.getLogger(__name__)

Replay = Callable[[], None]
WARM_UP = 3  # steps: in the first ones, libraries choose kernels and take memory for themselves


class TrainingStep:
    """Call it with a batch: the model learns from it."""

    def __init__(self, model: BaseModel) -> None:
        self.model = model

    def __call__(self, batch: Batch) -> None:
        self.learn(batch)
        if self.model.parts.plateau:
            self.model.parts.plateau.add(self.model.losses)

    def learn(self, batch: Batch) -> None:
        self.model.set_input(batch)
        self.model.optimize_parameters()


class RecordedStep(TrainingStep):
    """Records the fourth step and replays it; batches of another size are taken one by one.

    Of a model whose step cannot be recorded all are, which is said.

    ``record``: makes a replay of what it is called with, and runs nothing yet.
    """

    def __init__(self, model: BaseModel, record: Callable[[Replay], Replay]) -> None:
        super().__init__(model)
        self._record = record
        self._replay: Replay | None = None
        self._refused = self._told_of_others = False
        self._sizes: dict[str, torch.Size] = {}
        self._equal_steps = 0
        self._inputs: dict[str, Tensor] = {}  # attributes that ``set_input`` gives the model
        self._results: dict[str, Any] = {}  # ... and those that ``optimize_parameters`` does
        cuda = model.device.type == "cuda"
        self._beside = torch.cuda.Stream(model.device) if cuda else None

    def learn(self, batch: Batch) -> None:
        before = dict(vars(self.model))
        self.model.set_input(batch)
        given = {name: value for name, value in _changed(self.model, before).items()
                 if isinstance(value, Tensor)}
        sizes = _sizes(given)
        self._equal_steps = self._equal_steps + 1 if sizes == self._sizes else 1
        self._sizes = sizes
        if self._replay is None and not self._refused and self._equal_steps > WARM_UP:
            self._begin(given)
        if self._replay and sizes == _sizes(self._inputs):
            self._run(self._replay, given)
            return
        if self._replay and not self._told_of_others:
            self._told_of_others = True
            log.info("--cuda_graph: batches of another size than the recorded one go without it")
        with self._stream():
            self.model.optimize_parameters()

    def _begin(self, given: Mapping[str, Tensor]) -> None:
        """Record; or say why not, and leave the model as it was."""
        self._inputs = {name: value.clone() for name, value in given.items()}
        vars(self.model).update(self._inputs)
        pools = [pool for pool in self.model.pools.values() if pool.size]
        before = dict(vars(self.model))
        chance = random_state() | {"cuda": []}  # the recording draws nothing there
        try:
            self._replay = self._recorded(pools)
        except RuntimeError as error:
            self._refused = True
            told = str(error).partition("\n")[0]
            log.warning("--cuda_graph: this step cannot be recorded, it goes on without: %s", told)
            vars(self.model).clear()
            vars(self.model).update(before)
            set_random_state(chance)
            self._renew_scalers()
        for pool in pools:
            pool.keep_draw()  # the recording has used nothing up

    def _recorded(self, pools: Sequence[ImagePool]) -> Replay:
        """Raises RuntimeError where a replay would not be the step."""
        before, chance = dict(vars(self.model)), self._host_random()
        queries = [pool.queries + 1 for pool in pools]
        for pool in pools:
            pool.fix()
            pool.draw()
        for optimizer in self.model.optimizers.values():
            optimizer.zero_grad()  # in the recording, gradients get a place of their own
        replay = self._record(self.model.optimize_parameters)
        self._results = _changed(self.model, before)
        _require_tensors(self._results)
        if chance != self._host_random():
            raise RuntimeError("it draws random numbers on the host")
        if [pool.queries for pool in pools] != queries:
            raise RuntimeError("it does not ask each image buffer once")
        return replay

    def _run(self, replay: Replay, given: Mapping[str, Tensor]) -> None:
        for name, value in given.items():
            self._inputs[name].copy_(value)
        vars(self.model).update(self._inputs)
        for pool in self.model.pools.values():
            pool.draw()
        replay()
        for pool in self.model.pools.values():
            pool.drop_draw()
        vars(self.model).update(self._results)

    def _stream(self) -> AbstractContextManager[None]:
        """Beside the usual one, as torch asks for before a recording."""
        return nullcontext() if self._beside is None else _on(self._beside)

    def _host_random(self) -> tuple[Any, ...]:
        """What tells whether the host has drawn; dropout on a CPU is no draw of the host's."""
        gpu = self._beside is not None
        numbers = torch.get_rng_state().numpy().tobytes() if gpu else b""
        numpy_state = np.random.get_state(legacy=False)
        assert isinstance(numpy_state, dict)
        words = numpy_state["state"]["key"].tobytes()
        return random.getstate(), words, numpy_state["state"]["pos"], numbers

    def _renew_scalers(self) -> None:
        """One that was interrupted in a step refuses to take the next."""
        model = self.model
        for name, scaler in model.scalers.items():
            model.scalers[name] = model.speed.make_scaler(model.device)
            model.scalers[name].load_state_dict(scaler.state_dict())


def training_step(model: BaseModel, *, cuda_graph: bool) -> TrainingStep:
    """``cuda_graph``: what the flag says. One line each tells why it cannot be, and what else may
    not be expected of the flags for speed.
    """
    for line in model.speed.remarks(model.device):
        log.info("%s", line)
    if not cuda_graph:
        return TrainingStep(model)
    if model.speed.graph and model.parts.rates_are_tensors:
        return RecordedStep(model, record_cuda_graph)
    why = f"the device is {model.device}"
    if current_process().is_distributed:
        why = "there are several processes"
    elif model.speed.graph:
        why = "an optimizer of this class reads its learning rate on the host"
    log.info("--cuda_graph: steps are taken one by one, since %s", why)
    return TrainingStep(model)


def record_cuda_graph(step: Replay) -> Replay:
    """Raises RuntimeError where ``step`` waits for the device, or does what a graph cannot hold."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


@contextmanager
def _on(stream: torch.cuda.Stream) -> Iterator[None]:
    usual = torch.cuda.current_stream(stream.device)
    stream.wait_stream(usual)
    with torch.cuda.stream(stream):
        yield
    usual.wait_stream(stream)


def _changed(model: BaseModel, before: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of the model that are others than those in ``before``."""
    return {name: value for name, value in vars(model).items()
            if name not in before or value is not before[name]}


def _sizes(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in tensors.items()}


def _require_tensors(results: Mapping[str, Any]) -> None:
    """Raise RuntimeError where a step leaves something else, such as a counter."""
    for name, value in results.items():
        values = value.values() if isinstance(value, dict) else [value]
        if not all(isinstance(one, Tensor) for one in values):
            raise RuntimeError(f"it changes self.{name}, which is no tensor")
