"""Full memory in a training: a warning before the first step, and an error that names the fix.

A CPU raises no error when its memory is full: the system kills the program. So a step that may be
too large is warned about before it is taken.
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
from util.free_memory import available_bytes

log = logging.getLogger(__name__)

# What no network of this project exceeds: where even this fits, nothing is estimated.
PIXEL_BYTES = 1024  # for each pixel of a batch and channel of --ngf or --ndf
WEIGHT_BYTES = 32  # weight, gradient, two moments, and as much for copies of the kernels


class MemoryWatch:
    """Context around a training that explains full memory; ``watch`` sees its batches.

    Raises:
        MemoryError: the device or the machine has not enough memory. Names flags that fit.
    """

    def __init__(self, opt: Namespace, model: BaseModel) -> None:
        self.opt, self.model = opt, model
        self.room = 0  # bytes
        self._batch: Batch | None = None

    def watch(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the batches; before the first one, warn if a step may be too large."""
        for batch in batches:
            if self._batch is None:
                self.room = room_for_a_step(self.model)
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
        if not _is_full_memory(error):
            return
        reason = str(error).partition("\n")[0].rpartition("Allocator: ")[2]
        if self.model.device.type == "cuda":
            self.room = room_for_a_step(self.model)  # other programs may have taken some
        traceback.clear_frames(error.__traceback__)  # the estimate needs memory, too
        explained = self._explained(self._batch, reason or "refused by the machine")
        raise MemoryError(explained) from error

    def _warn(self, batch: Batch) -> None:
        if not current_process().is_main or most_bytes(self.opt, self.model, batch) <= self.room:
            return
        try:
            advice = StepAdvice(self.opt, batch, self.room)
            if not advice.asked_fits:
                log.warning("warning: %s: %s", advice.needs(), advice.ways_out())
        except Exception as error:  # see ``_explained``
            log.debug("no estimate of the memory of a step: %s", error)

    def _explained(self, batch: Batch, reason: str) -> str:
        opt = self.opt
        try:
            advice = StepAdvice(opt, batch, self.room)
            return f"out of memory ({reason}): {advice.needs()}; {advice.ways_out()}"
        # A model of the user's own may look at values, which the estimate does not have.
        except Exception as error:
            log.debug("no estimate of the memory of a step: %s", error)
            return (
                f"out of memory with --batch_size {opt.batch_size} and --crop_size "
                f"{opt.crop_size} ({reason}): make one of them smaller (--grad_accum keeps the "
                "pictures of a step), or try --checkpoint_activations and --precision bf16"
            )


def room_for_a_step(model: BaseModel) -> int:
    """Bytes for one process's step: what is free, and what the model holds already."""
    if model.device.type == "cuda":
        return torch.cuda.mem_get_info(model.device)[0] + torch.cuda.memory_reserved(model.device)
    held = [net.state_dict() for net in model.networks.values()]
    moments = [optimizer.state_dict() for optimizer in model.optimizers.values()]
    free = available_bytes(model.device) // current_process().local_world_size
    return free + checkpoint.tensor_bytes([held, moments])


def most_bytes(opt: Namespace, model: BaseModel, batch: Batch) -> int:
    """More than a step of the networks of this project takes, at no cost."""
    tensors = [value for value in batch.values() if isinstance(value, Tensor)]
    pictures = [tensor.shape for tensor in tensors if tensor.ndim == 4]
    pixels = max((shape[0] * shape[-2] * shape[-1] for shape in pictures), default=0)
    weights = sum(w.numel() for net in model.networks.values() for w in net.parameters())
    width: int = max(opt.ngf, opt.ndf)
    return PIXEL_BYTES * width * pixels + WEIGHT_BYTES * weights


def _is_full_memory(error: Exception) -> bool:
    message = str(error).partition("\n")[0]
    signs = ("allocate memory", "not enough memory", "out of memory")
    known = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return known or any(sign in message for sign in signs)
