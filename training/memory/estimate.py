"""What memory a training step takes at its peak, found without running it.

A second model of the same options is built of tensors that have shapes but no values (torch's
FakeTensorMode) and takes two steps: the first makes the optimizers' moments, the second is
measured. What its tensors would hold is added up as they come and go, so the figure follows the
model, the networks and the flags of speed, whatever they are.
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
from util.distributed import current_process
from util.random_states import random_state, set_random_state

# Beside the tensors: what the kernels take for themselves, and gaps between tensors. Measured on a
# CPU (docs/benchmarks.md): 1.3 for pix2pix, 1.5 for cycle_gan. On a GPU a guess.
OVERHEAD = {"cpu": 1.5, "cuda": 1.2}


class StepMemory:
    """A model of ``opt`` without values.

    Args:
        opt: the options of train.py, which stay as they are.
        shapes: of the tensors of a batch of any size: images [N, C, H, W], and others [N, ...] that
            do not depend on the size of the images; the other entries are lists.

    Raises:
        Exception: of any kind; a model may ask for values that are not there.
    """

    def __init__(self, opt: Namespace, shapes: Mapping[str, Sequence[int] | None]) -> None:
        # The pools are added by hand, compiled code is not followed, a scaler looks at values; a
        # GPU's tensors are as large as the CPU's, and nothing is asked of it while it is full.
        changes: dict[str, object] = {
            "pool_size": 0, "compile": False, "device": torch.device("cpu")
        }
        if opt.precision == "fp16":
            changes["precision"] = "bf16"
        self.opt = Namespace(**vars(opt) | changes)
        self.shapes = shapes
        self.pool_size = opt.pool_size
        self.overhead = OVERHEAD.get(opt.device.type, OVERHEAD["cpu"])
        self.tally = _FakeTally()
        with _without_values(self.tally):
            self.model = find_model(opt.model)(self.opt)

    def peak(self, images: int, height: int, width: int) -> int:
        """Bytes for a batch of so many pictures of one process, weights and moments included."""
        return int(self.overhead * self.peak_of_tensors(images, height, width))

    def peak_of_tensors(self, images: int, height: int, width: int) -> int:
        with _without_values(self.tally):
            for _ in range(2):
                self.tally.peak = self.tally.held
                self.model.set_input(self._batch(images, height, width))
                self.model.optimize_parameters()
        return self.tally.peak + self._pools(height * width) + self._buckets()

    def _batch(self, images: int, height: int, width: int) -> Any:
        return {
            key: ["picture"] * images if shape is None
            else torch.zeros(images, shape[1], height, width) if len(shape) == 4
            else torch.zeros(images, *shape[1:])
            for key, shape in self.shapes.items()
        }

    def _pools(self, pixels: int) -> int:
        """Buffers of earlier fakes, float32, when they are full."""
        channels = max(self.opt.input_nc, self.opt.output_nc)
        return int(4 * len(self.model.pools) * self.pool_size * channels * pixels)

    def _buckets(self) -> int:
        """Of several processes: DistributedDataParallel holds all gradients a second time."""
        if not current_process().is_distributed:
            return 0
        weights = (w for net in self.model.networks.values() for w in net.parameters())
        return sum(w.numel() * w.element_size() for w in weights)


@contextmanager
def _without_values(tally: "_FakeTally") -> Iterator[None]:
    """Random states, other processes and the log see nothing of what happens inside."""
    states, logs = random_state(), logging.root.manager.disable
    logging.disable()
    try:
        with warnings.catch_warnings(), alone(), tally.fake, tally:
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logs)
        set_random_state(states)


class Tally(TorchDispatchMode):
    """Bytes of the storages that are made inside and alive, and the most since ``peak`` was set."""

    def __init__(self) -> None:
        super().__init__()
        self.held = self.peak = 0
        self._alive: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
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

        def gone(_: object) -> None:
            self.held -= size
            del self._alive[key]

        self._alive[key] = weakref.ref(storage, gone)
        self.held += size
        self.peak = max(self.peak, self.held)


class _FakeTally(Tally):
    def __init__(self) -> None:
        super().__init__()
        from torch._subclasses.fake_tensor import FakeTensorMode  # slow, and seldom needed

        self.fake = FakeTensorMode()

    def _count(self, outputs: Any) -> None:
        # Its weak references would keep Module.to from exchanging weights.
        self.fake.fake_tensor_converter.meta_converter.tensor_memo.clear()
        super()._count(outputs)
