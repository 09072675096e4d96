"""Batch norm over the images of all processes, on any device (Ioffe & Szegedy 2015).

torch's SyncBatchNorm works on CUDA only; the class here is for the CPU.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from util.distributed import all_reduce_sum


class _SumOverProcesses(torch.autograd.Function):
    """Sum over all processes. The gradient is the sum of the gradients of all processes."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        return all_reduce_sum(tensor.clone())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return all_reduce_sum(gradient.clone())


def _sum(tensor: Tensor) -> Tensor:
    return _SumOverProcesses.apply(tensor)  # type: ignore[no-any-return]


class SharedBatchNorm(_BatchNorm):
    """[N, C, ...] in each process -> the same shape, normalised by statistics of all processes.

    In ``eval`` mode it is ordinary batch norm. Its tensors have the names of ordinary batch norm.
    """

    def _check_input_dim(self, x: Tensor) -> None:
        """Allow any number of axes after the channels."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        dtype, x = x.dtype, x if x.dtype == torch.float64 else x.float()
        axes = [0, *range(2, x.dim())]
        shape = [1, -1] + [1] * (x.dim() - 2)
        count = all_reduce_sum(torch.tensor(float(x.numel() // x.shape[1])))
        mean = _sum(x.sum(axes)) / count
        centred = x - mean.view(shape)
        variance = _sum(centred.square().sum(axes)) / count
        y = centred * torch.rsqrt(variance + self.eps).view(shape)
        self._update_statistics(mean.detach(), variance.detach(), count)
        if self.affine:
            y = y * self.weight.view(shape) + self.bias.view(shape)
        return y.to(dtype)

    @torch.no_grad()
    def _update_statistics(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        # Without a momentum, the statistics are the plain mean over all batches.
        share = self.momentum or 1.0 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance * count / (count - 1), share)


def share_statistics(net: nn.Module, device: torch.device) -> nn.Module:
    """Return ``net`` with batch norms that use all processes; its weights stay the same."""
    if device.type == "cuda":
        synchronised: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(net)
        return synchronised
    if isinstance(net, _BatchNorm):
        return _shared(net)
    for module in list(net.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, _BatchNorm):
                module.add_module(name, _shared(child))
    return net


def _shared(norm: _BatchNorm) -> SharedBatchNorm:
    shared = SharedBatchNorm(norm.num_features, norm.eps, norm.momentum, norm.affine,
                             norm.track_running_stats)
    # The same tensors: an optimizer may hold them already.
    shared._parameters, shared._buffers = norm._parameters, norm._buffers
    return shared
