"""How networks run during training: precision, memory layout, recomputation, optimizer steps.

Contract of a network: its inputs are any number of tensors, with the batch as first axis, and other
arguments; its output is a tensor, or a list or tuple of tensors. Every wrapper here passes
``*inputs`` and keyword arguments to the network, so a network with two inputs works with every
flag. Inputs and outputs stay float32, so losses are computed in float32 at every precision.
``--checkpoint_activations`` runs a module with ``may_recompute = True`` a second time for its
gradients; its forward must have no side effects except random draws.
"""

from argparse import Namespace
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from models.execution.fusion import fuse
from models.execution.fusion_check import can_fuse
from models.execution.row_conv import use_row_conv
from models.execution.wrappers import recomputed, run_as
from util.distributed import current_process

AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}
COMPILER = "inductor"


@dataclass(frozen=True)
class Speed:
    """Settings of the networks during training.

    ``precision``: one of ``util.runtime.PRECISIONS``.
    ``batch_parts``: number of parts of a batch that go through a network one after another.
    ``checkpoint``: keep only the inputs of blocks, and compute the rest again for the gradients.
    ``graph``: steps are recorded as a CUDA graph (training/step.py). A recording keeps numbers
    constant, so learning rates are tensors.
    ``fused``: with channels_last on a GPU, use the kernels of models/execution/fusion.py.
    """

    precision: str = "default"
    channels_last: bool = False
    compile: bool = False
    batch_parts: int = 1
    checkpoint: bool = False
    graph: bool = False
    fused: bool = False

    @classmethod
    def of(cls, opt: Namespace) -> "Speed":
        on_one_gpu = opt.device.type == "cuda" and not current_process().is_distributed
        return cls(opt.precision, opt.channels_last, opt.compile, batch_parts=opt.grad_accum,
                   checkpoint=opt.checkpoint_activations, graph=opt.cuda_graph and on_one_gpu,
                   fused=opt.fused)

    def prepare(self, net: nn.Module, device: torch.device) -> None:
        """Change how ``net`` runs, in place; weights and their names stay the same."""
        if self.checkpoint:
            for module in net.modules():
                if getattr(module, "may_recompute", False):
                    module.forward = MethodType(recomputed, module)
        if self.channels_last:
            net.to(memory_format=torch.channels_last)
        computed = AUTOCAST.get(self.precision, torch.float32)
        fused = self.fused and device.type == "cuda" and can_fuse(device, computed)
        if fused:
            fuse(net)
        elif self.channels_last or device.type == "cpu":
            for norm in net.modules():
                if isinstance(norm, nn.InstanceNorm2d) and not norm.track_running_stats:
                    norm.forward = MethodType(_in_groups, norm)  # type: ignore[method-assign]
        if fused or device.type == "cpu":
            use_row_conv(net, device)
        forward = type(net).forward
        if self.compile:
            forward = torch.compile(forward, backend=COMPILER)
        if (self.precision in AUTOCAST or self.channels_last or self.batch_parts > 1
                or self.compile):
            run = partial(run_as, forward=forward, dtype=AUTOCAST.get(self.precision),
                          channels_last=self.channels_last, parts=self.batch_parts)
            net.forward = MethodType(run, net)

    def remarks(self, device: torch.device) -> Iterator[str]:
        """Yield log messages about flags that are slow or have no effect on ``device``."""
        if self.precision == "tf32" and device.type != "cuda":
            yield f"--precision tf32 has no effect, because the device is {device}"
        if self.precision == "fp16" and device.type == "cpu":
            yield ("--precision fp16: most CPUs have no float16 arithmetic and are many times "
                   "slower with it; more CPUs support --precision bf16")
        if self.fused and device.type != "cuda":
            yield f"--fused has no effect, because the device is {device}"
        if self.compile:
            yield "--compile: the first steps compile the networks, which may take minutes"

    def make_scaler(self, device: torch.device) -> GradScaler:
        """Return the loss scaler. It prevents small float16 gradients from becoming zero."""
        return GradScaler(device.type, init_scale=1024.0, enabled=self.precision == "fp16")


@contextmanager
def rates_in_place(optimizers: Collection[Optimizer]) -> Iterator[None]:
    """Keep learning rates in the tensors that recorded steps read, while the body sets rates."""
    places = [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]
    yield
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    for group, place in zip(groups, places, strict=True):
        if isinstance(place, Tensor):
            place.fill_(float(group["lr"]))
            group["lr"] = place


def update(optimizers: Sequence[Optimizer], loss: Tensor, scaler: GradScaler) -> None:
    """Take one step of every optimizer along the gradient of ``loss``, a scalar."""
    for optimizer in optimizers:
        optimizer.zero_grad()
    scaler.scale(loss).backward()
    for optimizer in optimizers:
        scaler.step(optimizer)
    scaler.update()


def mixes_images(net: nn.Module) -> bool:
    """Return whether the output for an image depends on the rest of its batch (batch norm)."""
    return any(isinstance(module, _BatchNorm) and module.training for module in net.modules())


def in_one_pass(net: nn.Module, *batches: Tensor) -> list[Any]:
    """Return ``net(batch)`` for each batch, in one forward pass if the results are equal.

    One pass is faster. Batches of different image sizes, and networks with norms over the batch,
    need one pass for each batch.
    """
    if mixes_images(net) or len({batch.shape[1:] for batch in batches}) > 1:
        return [net(batch) for batch in batches]
    counts = [len(batch) for batch in batches]
    together = net(torch.cat(batches))
    if isinstance(together, Tensor):
        return list(together.split(counts))
    parts = [part.split(counts) for part in together]
    return [[part[number] for part in parts] for number in range(len(batches))]


def _in_groups(norm: nn.InstanceNorm2d, x: Tensor) -> Tensor:
    """Compute instance norm as group norm with one channel per group; equal up to rounding.

    On a CPU it takes a quarter to four fifths of the time. For a single image in channels_last,
    torch's own instance norm (2.14) returns wrong gradients on a CPU.
    """
    return functional.group_norm(x, x.shape[1], norm.weight, norm.bias, norm.eps)
