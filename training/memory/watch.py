"""Warn before a step that may need too much memory; explain the error if memory is full.

On a CPU, full memory raises no error: the system kills the program. Therefore the warning comes
before the first step.
"""

import logging
import traceback
from argparse import Namespace
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from data.base_dataset import Batch
from models.base_model import BaseModel
from training.memory.advice import StepAdvice
from util import checkpoint
from util.distributed import current_process
from util.free_memory import available_bytes, is_full_memory

log = logging.getLogger(__name__)

# Upper bounds for the networks of this project: if even these fit, no estimate is computed.
PIXEL_BYTES = 1024  # for each pixel of a batch and channel of --ngf or --ndf
WEIGHT_BYTES = 32  # weight, gradient, two moments, and the same again for copies in kernels


class MemoryWatch:
    """A context around the training that explains full memory; ``watch`` yields its batches.

    Raises:
        MemoryError: the memory of the device or the machine is full. Names flags that fit.
    """

    def __init__(self, opt: Namespace, model: BaseModel) -> None:
        self.opt, self.model = opt, model
        self.available = 0  # bytes
        self._batch: Batch | None = None

    def watch(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the batches; before the first one, warn if a step may be too large."""
        for batch in batches:
            if self._batch is None:
                self.available = bytes_for_a_step(self.model)
                self._warn(batch)
            self._batch = batch
            yield batch

    def __enter__(self) -> "MemoryWatch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, *trace: object
    ) -> None:
        if self._batch is None or not isinstance(error, MemoryError | RuntimeError):
            return
        if not is_full_memory(error):
            return
        reason = str(error).partition("\n")[0].rpartition("Allocator: ")[2]
        if self.model.device.type == "cuda":
            self.available = bytes_for_a_step(self.model)  # other programs may have taken some
        traceback.clear_frames(error.__traceback__)  # the estimate needs memory, too
        advice = self._advice(self._batch, is_full=True) or (
            f"reduce --batch_size {self.opt.batch_size} (--grad_accum keeps the number of images "
            f"per step) or --crop_size {self.opt.crop_size}, or try --checkpoint_activations and "
            "--precision bf16"
        )
        reason = reason or "the system refused to allocate it"
        raise MemoryError(f"out of memory ({reason}): {advice}") from error

    def _warn(self, batch: Batch) -> None:
        bound = upper_bound(self.opt, self.model, batch)
        if not current_process().is_main or bound <= self.available:
            return
        if advice := self._advice(batch, is_full=False):
            log.warning("warning: %s", advice)

    def _advice(self, batch: Batch, *, is_full: bool) -> str:
        """Return what a step needs and what would fit; "" if it fits, or without an estimate."""
        try:
            advice = StepAdvice(self.opt, batch, self.available)
            if advice.given_fits and not is_full:
                return ""
            return f"{advice.describe_need()}; {advice.describe_fixes()}"
        # A user's model may read values, which do not exist in the estimate.
        except Exception as error:
            log.debug("no estimate of the memory of a step: %s", error)
            return ""


def bytes_for_a_step(model: BaseModel) -> int:
    """Return the bytes for a step of one process: free memory and what the model holds already."""
    if model.device.type == "cuda":
        return torch.cuda.mem_get_info(model.device)[0] + torch.cuda.memory_reserved(model.device)
    held = [net.state_dict() for net in model.parts.networks.values()]
    moments = [optimizer.state_dict() for optimizer in model.parts.optimizers.values()]
    free = available_bytes(model.device) // current_process().local_world_size
    return free + checkpoint.tensor_bytes([held, moments])


def upper_bound(opt: Namespace, model: BaseModel, batch: Batch) -> int:
    """Return more bytes than a step of this project's networks needs, without an estimate."""
    tensors = [value for value in batch.values() if isinstance(value, Tensor)]
    images = [tensor.shape for tensor in tensors if tensor.ndim == 4]
    pixels = max((shape[0] * shape[-2] * shape[-1] for shape in images), default=0)
    weights = sum(w.numel() for net in model.parts.networks.values() for w in net.parameters())
    width: int = max(opt.ngf, opt.ndf)
    return PIXEL_BYTES * width * pixels + WEIGHT_BYTES * weights
