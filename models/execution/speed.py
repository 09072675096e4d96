"""Between a loss and the weights: precision, memory, optimizer steps. Models need not know it.

A network that was made ready here still takes and gives float32 pictures or logits, so the losses
are computed in float32 whatever goes on inside.
"""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from types import MethodType

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer
from torch.utils.checkpoint import checkpoint

from models.execution.row_conv import use_row_conv
from util.distributed import current_process

AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}
COMPILER = "inductor"


@dataclass(frozen=True)
class Speed:
    """How networks run while they are trained.

    ``precision``: one of ``util.runtime.PRECISIONS``.
    ``parts``: pieces of a batch that go through a network one after another.
    ``checkpoint``: keep the inputs of blocks only, and compute the rest again for the gradients.
    ``graph``: steps are recorded (training/step.py), so nothing in them may be a number
    that changes: learning rates are tensors.
    """

    precision: str = "default"
    channels_last: bool = False
    compile: bool = False
    parts: int = 1
    checkpoint: bool = False
    graph: bool = False

    @classmethod
    def of(cls, opt: Namespace) -> "Speed":
        return cls(
            precision=opt.precision,
            channels_last=opt.channels_last,
            compile=opt.compile,
            parts=opt.grad_accum,
            checkpoint=opt.checkpoint_activations,
            graph=(opt.cuda_graph and opt.device.type == "cuda"
                   and not current_process().is_distributed),
        )

    def prepare(self, net: nn.Module, device: torch.device) -> None:
        """Make ``net`` run so, in place; its weights and their names stay."""
        if self.checkpoint:
            for module in net.modules():
                if getattr(module, "may_recompute", False):
                    module.forward = MethodType(_recomputed, module)
        if self.channels_last:
            net.to(memory_format=torch.channels_last)
        if device.type == "cpu":
            use_row_conv(net)
        if self.channels_last or device.type == "cpu":
            for norm in net.modules():
                if isinstance(norm, nn.InstanceNorm2d) and not norm.track_running_stats:
                    norm.forward = MethodType(_in_groups, norm)  # type: ignore[method-assign]
        if self.precision in AUTOCAST or self.channels_last or self.parts > 1:
            net.forward = MethodType(partial(_run, speed=self), net)
        if self.compile:
            net.compile(backend=COMPILER)

    def remarks(self, device: torch.device) -> Iterator[str]:
        """What one may not expect of the flags on ``device``."""
        if self.precision == "tf32" and device.type != "cuda":
            yield f"--precision tf32 changes nothing, since the device is {device}"
        if self.precision == "fp16" and device.type == "cpu":
            yield ("--precision fp16: most CPUs have no such arithmetic and are many times slower "
                   "with it; --precision bf16 suits more of them")
        if self.compile:
            yield "--compile: the first steps compile the networks, which may take minutes"

    def make_scaler(self, device: torch.device) -> GradScaler:
        """Float16 has no small numbers: losses are made larger, gradients smaller again."""
        return GradScaler(device.type, init_scale=1024.0, enabled=self.precision == "fp16")


def rates(optimizer: Optimizer) -> list[float | Tensor]:
    """Learning rates; tensors of the device where a recorded step reads them."""
    return [group["lr"] for group in optimizer.param_groups]


def put_rates(optimizer: Optimizer, places: Sequence[float | Tensor]) -> None:
    """Where ``places``, an earlier ``rates``, has a tensor, that one gets the rate of now."""
    for group, kept in zip(optimizer.param_groups, places, strict=True):
        if isinstance(kept, Tensor):
            kept.fill_(float(group["lr"]))
            group["lr"] = kept


def update(optimizer: Optimizer, loss: Tensor, scaler: GradScaler) -> None:
    """One step of ``optimizer`` down the gradient of ``loss``, a scalar."""
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()


def mixes_pictures(net: nn.Module) -> bool:
    """Whether a picture's result depends on those beside it: batch norm in training."""
    return any(isinstance(module, _BatchNorm) and module.training for module in net.modules())


def in_one_pass(net: nn.Module, *batches: Tensor) -> list[Tensor]:
    """``net`` of each batch; of all at once, which is faster, where that is the same to rounding.

    Batches of other sizes, and norms that take statistics of the batch, go one after another.
    """
    if mixes_pictures(net) or len({batch.shape[1:] for batch in batches}) > 1:
        return [net(batch) for batch in batches]
    together: Tensor = net(torch.cat(batches))
    return list(together.split([len(batch) for batch in batches]))


def _run(net: nn.Module, x: Tensor, *, speed: Speed) -> Tensor:
    """The network's own ``forward``, as ``speed`` says: float32 in and out."""
    if speed.channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    dtype = AUTOCAST.get(speed.precision)
    with torch.autocast(x.device.type, dtype=dtype, enabled=dtype is not None):
        if speed.parts > 1 and torch.is_grad_enabled():
            outputs = torch.cat([_recomputed(net, part) for part in x.chunk(speed.parts)])
        else:
            outputs = type(net).forward(net, x)
    return outputs if dtype is None else outputs.float()


def _in_groups(norm: nn.InstanceNorm2d, x: Tensor) -> Tensor:
    """Instance norm as groups of one channel, equal to rounding.

    On a CPU it takes a quarter to four fifths of the time; and for a single picture in
    channels_last, torch's own (2.14) gives wrong gradients there.
    """
    return functional.group_norm(x, x.shape[1], norm.weight, norm.bias, norm.eps)


def _recomputed(net: nn.Module, x: Tensor) -> Tensor:
    """``net.forward`` that keeps nothing but ``x``; runs again when gradients are wanted."""
    features: Tensor = checkpoint(
        partial(type(net).forward, net), x, use_reentrant=False, context_fn=partial(_twice, net)
    )
    return features


def _twice(net: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), _StatisticsKept(net)


class _StatisticsKept(AbstractContextManager[None]):
    """Batch norms inside do not count a batch a second time. May be entered again and again."""

    def __init__(self, net: nn.Module) -> None:
        self.norms = [module for module in net.modules() if isinstance(module, _BatchNorm)]

    def __enter__(self) -> None:
        self.kept = [dict(norm._buffers) for norm in self.norms]
        for norm, kept in zip(self.norms, self.kept, strict=True):
            norm._buffers.update({key: None if b is None else b.clone() for key, b in kept.items()})

    def __exit__(self, *error: object) -> None:
        for norm, kept in zip(self.norms, self.kept, strict=True):
            norm._buffers.update(kept)
