"""Estimate the peak memory of a training step without running it.

A second model with the same options is built from tensors that have shapes but no values (torch's
FakeTensorMode) and takes two steps: the first creates the optimizers' moments, the second is
measured. The sizes of its tensors are added up while they are alive, so the estimate holds for any
model, any networks and any of the flags for speed.
"""

import logging
import warnings
import weakref
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from models import find_model
from models.execution.replicas import alone
from util.checkpoint import tensor_bytes
from util.distributed import current_process
from util.random_states import random_states_kept

# Factor for the working memory of kernels and the gaps between tensors. Measured on a CPU
# (docs/benchmarks.md): 1.3 for pix2pix, 1.5 for cycle_gan. The value for GPUs is a guess.
OVERHEAD = {"cpu": 1.5, "cuda": 1.2}


class StepMemory:
    """A model without values.

    Args:
        opt: the options of train.py; they are not changed.
        shapes: the shapes of the tensors in a batch of any size: [N, C, H, W] for images, [N, ...]
            for tensors that do not depend on the size of the images, None for lists.

    Raises:
        Exception: of any kind, since a model may read values, which do not exist here.
    """

    def __init__(self, opt: Namespace, shapes: Mapping[str, Sequence[int] | None]) -> None:
        # Image pools are added in ``_pools``; compiled code and loss scalers do not work without
        # values; the CPU has tensors of the same size, and a full GPU must not be used.
        precision = "bf16" if opt.precision == "fp16" else opt.precision
        self.opt = Namespace(**vars(opt) | {
            "pool_size": 0, "compile": False, "device": torch.device("cpu"), "precision": precision
        })
        self.shapes = shapes
        self.pool_size = opt.pool_size
        self.overhead = OVERHEAD.get(opt.device.type, OVERHEAD["cpu"])
        self.tally = _FakeTally()
        with _without_values(self.tally):
            self.model = find_model(opt.model)(self.opt)

    def peak(self, images: int, height: int, width: int) -> int:
        """Return the bytes for a batch of one process, including weights and moments."""
        return int(self.overhead * self.peak_of_tensors(images, height, width))

    def peak_of_tensors(self, images: int, height: int, width: int) -> int:
        with _without_values(self.tally):
            for _ in range(2):
                self.tally.peak = self.tally.held
                self.model.set_input(self._batch(images, height, width))
                self.model.optimize_parameters()
        return self.tally.peak + self._pools(height * width) + self._buckets()

    def _batch(self, images: int, height: int, width: int) -> Any:
        return {key: ["image"] * images if shape is None
                else torch.zeros(images, shape[1], height, width) if len(shape) == 4
                else torch.zeros(images, *shape[1:])
                for key, shape in self.shapes.items()}

    def _pools(self, pixels: int) -> int:
        """Return the bytes of the full buffers of earlier fakes, float32."""
        channels = max(self.opt.input_nc, self.opt.output_nc)
        return int(4 * len(self.model.parts.pools) * self.pool_size * channels * pixels)

    def _buckets(self) -> int:
        """Return the bytes of DistributedDataParallel's buckets: a copy of all gradients."""
        nets = self.model.parts.networks.values() if current_process().is_distributed else ()
        return tensor_bytes([list(net.parameters()) for net in nets])


@contextmanager
def _without_values(tally: "_FakeTally") -> Iterator[None]:
    """Run the block without values, logs and other processes; restore the random states."""
    logs = logging.root.manager.disable
    logging.disable()
    try:
        with random_states_kept(), warnings.catch_warnings(), alone(), tally.fake, tally:
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logs)


class Tally(TorchDispatchMode):
    """Counts the bytes of storages created inside that are alive; ``peak``: the largest count."""

    def __init__(self) -> None:
        super().__init__()
        self.held = self.peak = 0
        self._alive: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        outputs = func(*args, **(kwargs or {}))
        self._count(outputs)
        return outputs

    def _count(self, outputs: Any) -> None:
        if isinstance(outputs, Tensor):
            self._add(outputs.untyped_storage())
        elif isinstance(outputs, list | tuple):
            for output in outputs:
                self._count(output)

    def _add(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._alive:
            return

        def subtract(_: object) -> None:
            self.held -= size
            del self._alive[key]

        self._alive[key] = weakref.ref(storage, subtract)
        self.held += size
        self.peak = max(self.peak, self.held)


class _FakeTally(Tally):
    def __init__(self) -> None:
        super().__init__()
        from torch._subclasses.fake_tensor import FakeTensorMode  # slow to import, seldom needed

        self.fake = FakeTensorMode()

    def _count(self, outputs: Any) -> None:
        # The weak references in it would prevent Module.to from replacing weights.
        self.fake.fake_tensor_converter.meta_converter.tensor_memo.clear()
        super()._count(outputs)
