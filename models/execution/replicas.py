"""One model in several processes: equal weights, averaged gradients and losses.

Each process computes the gradients of its own pictures. DistributedDataParallel averages them
during the backward pass, so that every optimizer takes the same step and knows nothing of it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from inspect import signature
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from models.execution.shared_norm import share_statistics
from util.distributed import all_gather, all_reduce_sum, current_process

Net = TypeVar("Net", bound=nn.Module)
# Renamed in torch 2.14.
_RENAMED = "forward_sync_buffers" in signature(DistributedDataParallel.__init__).parameters
_SYNC_BUFFERS = "forward_sync_buffers" if _RENAMED else "broadcast_buffers"
_TOLERANCE = 1e-5  # relative; GPUs of two kinds may round differently
_alone = ContextVar("alone", default=False)


@contextmanager
def alone() -> Iterator[None]:
    """Models that are built inside have nothing to do with other processes."""
    token = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(token)


class Replica(DistributedDataParallel):
    """Shows the attributes of the network inside. Its gradients are averaged only when it is
    called itself, not when a part of it is.
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("module"), name)


class Replicas:
    """What a model asks the other processes. Alone, it changes nothing.

    ``weight``: how much this process's gradients and losses count in this step, 1 on average. Its
    pictures by the mean number of a process; 0 while it has none left in the epoch.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        grouped = dist.is_initialized() and not _alone.get()
        self.size = current_process().world_size if grouped else 1
        self.weight = 1.0

    def add(self, net: Net) -> Net:
        """The network to call in place of ``net``; both have the weights of the main process."""
        if self.size == 1 or not any(weight.requires_grad for weight in net.parameters()):
            return net
        flags: dict[str, Any] = {
            "device_ids": [self.device.index] if self.device.type == "cuda" else None,
            # Batch norms agree by themselves; writing to them in each of several forward passes
            # would spoil the backward pass.
            _SYNC_BUFFERS: False,
        }
        replica = Replica(net, **flags)
        replica.register_comm_hook(self, _average)
        return cast(Net, replica)

    def share_statistics(self, net: nn.Module) -> nn.Module:
        """``net`` with its batch norms taken over the pictures of all processes."""
        return share_statistics(net, self.device) if self.size > 1 else net

    def mean(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The losses of the whole batch; NaN everywhere where one process has it."""
        if self.size == 1 or not losses:
            return dict(losses)
        values = torch.stack([loss.float() for loss in losses.values()])
        # 0 * NaN would be NaN: a process without pictures has no say.
        values = values * (self.weight / self.size) if self.weight else torch.zeros_like(values)
        return dict(zip(losses, all_reduce_sum(values).unbind(), strict=True))

    def require_equal(self, networks: Mapping[str, nn.Module]) -> None:
        """Raise ValueError where the processes' weights went apart."""
        if self.size == 1:
            return
        sizes = all_gather({name: _size(net) for name, net in networks.items()})
        for name in networks:
            values = [found[name] for found in sizes]
            if max(values) - min(values) > _TOLERANCE * max(values):
                raise ValueError(
                    f"the weights of network {name} differ between the processes: its gradients "
                    "are averaged only when the model calls it as self.net...(x); call the "
                    "network, not a part of it"
                )


def _average(
    replicas: Replicas, bucket: dist.GradBucket  # type: ignore[name-defined]
) -> torch.futures.Future[Tensor]:
    """DistributedDataParallel calls it for every bucket, as soon as its gradients are there."""
    gradients = bucket.buffer()
    if replicas.weight:
        gradients.mul_(replicas.weight / replicas.size)
    else:
        gradients.zero_()
    work = dist.all_reduce(gradients, async_op=True)
    assert work is not None
    return work.get_future().then(lambda future: future.value()[0])


def _size(net: nn.Module) -> float:
    with torch.no_grad():
        return float(sum(weight.abs().sum(dtype=torch.float64) for weight in net.parameters()))
