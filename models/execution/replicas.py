"""One model in several processes: equal weights, averaged gradients and losses.

Each process computes the gradients of its own images. DistributedDataParallel averages them during
the backward pass, so every optimizer takes the same step and needs no change.
"""

from collections.abc import Iterable, Iterator, Mapping
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
_TOLERANCE = 1e-5  # relative; GPUs of different models may round differently
_alone = ContextVar("alone", default=False)


@contextmanager
def alone() -> Iterator[None]:
    """Build models inside that do not communicate with other processes."""
    token = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(token)


class Replica(DistributedDataParallel):
    """DistributedDataParallel that also has the attributes of the network inside.

    Gradients are averaged only if the replica itself is called, not a part of the network.
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("module"), name)


class Replicas:
    """Communication of a model with its copies in other processes, if there are any.

    ``weight``: factor of this process's gradients and losses in this step: the number of its images
    divided by the mean number over the processes; 0 if it has no images left in the epoch.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        grouped = dist.is_initialized() and not _alone.get()
        self.size = current_process().world_size if grouped else 1
        self.weight = 1.0

    def add(self, net: Net) -> Net:
        """Return the module to call instead of ``net``, with the weights of the main process."""
        if self.size == 1 or not any(weight.requires_grad for weight in net.parameters()):
            return net
        flags: dict[str, Any] = {
            "device_ids": [self.device.index] if self.device.type == "cuda" else None,
            # Batch norms are equal without it. Writing to their buffers in each of several forward
            # passes would make the backward pass fail.
            _SYNC_BUFFERS: False,
        }
        replica = Replica(net, **flags)
        replica.register_comm_hook(self, _average)
        return cast(Net, replica)

    def share_statistics(self, net: nn.Module) -> nn.Module:
        """Return ``net`` with batch norms over the images of all processes."""
        return share_statistics(net, self.device) if self.size > 1 else net

    def mean(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the losses of the whole batch; NaN in all processes if it is NaN in one."""
        if self.size == 1 or not losses:
            return dict(losses)
        values = torch.stack([loss.float() for loss in losses.values()])
        # 0 * NaN would be NaN, so the losses of a process without images are replaced by zeros.
        values = values * (self.weight / self.size) if self.weight else torch.zeros_like(values)
        return dict(zip(losses, all_reduce_sum(values).unbind(), strict=True))

    def average_gradients(self, weights: Iterable[Tensor]) -> None:
        """Average the gradients of ``weights``, for networks that are no replicas.

        A gradient that only some processes have counts as zero in the others.
        """
        weights = list(weights)
        owners = torch.tensor([float(weight.grad is not None) for weight in weights])
        shared = [weight for weight, count in zip(weights, all_reduce_sum(owners), strict=True)
                  if count]
        for weight in shared:
            if weight.grad is None or not self.weight:  # 0 * NaN would be NaN
                weight.grad = torch.zeros_like(weight)
        parts = [weight.grad.flatten() for weight in shared if weight.grad is not None]
        if parts:
            mean = all_reduce_sum(torch.cat(parts) * (self.weight / self.size))
            for weight, part in zip(shared, mean.split([len(p) for p in parts]), strict=True):
                weight.grad = part.view_as(weight)

    def require_equal(self, networks: Mapping[str, nn.Module]) -> None:
        """Raise ValueError if the weights of the processes have diverged."""
        if self.size == 1:
            return
        norms = all_gather({name: _l1_norm(net) for name, net in networks.items()})
        for name in networks:
            values = [own[name] for own in norms]
            if max(values) - min(values) > _TOLERANCE * max(values):
                raise ValueError(f"the weights of network {name} differ between the processes: its "
                                 "gradients are averaged only when the model calls it as "
                                 "self.net...(x); call the network, not a part of it")


def _average(
    replicas: Replicas, bucket: dist.GradBucket  # type: ignore[name-defined]
) -> torch.futures.Future[Tensor]:
    """Average a bucket of gradients. DistributedDataParallel calls it for each complete bucket."""
    gradients = bucket.buffer()
    if replicas.weight:
        gradients.mul_(replicas.weight / replicas.size)
    else:
        gradients.zero_()
    work = dist.all_reduce(gradients, async_op=True)
    assert work is not None
    return work.get_future().then(lambda future: future.value()[0])


def _l1_norm(net: nn.Module) -> float:
    with torch.no_grad():
        return float(sum(weight.abs().sum(dtype=torch.float64) for weight in net.parameters()))
