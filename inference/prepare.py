"""A network made ready to translate: no result depends on the pictures beside it in the batch.

The papers test their networks as they trained them: batch norm takes the statistics of the
picture at hand, and dropout stays on as the noise z (pix2pix, section 3.4). As they stand, both
mix the pictures of a batch. Here each picture has statistics of its own, and all of them the
noise that one picture alone would draw: seeded alike, any grouping gives the same pictures.
"""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.execution.row_conv import use_row_conv

Norm = nn.BatchNorm2d | nn.SyncBatchNorm | nn.InstanceNorm2d
Dropout = nn.Dropout | nn.Dropout2d


class PictureNorm(nn.Module):
    """[N, C, H, W] -> the same, every channel of every picture by its own mean and variance.

    Of one picture it is batch norm in training, but keeps no running statistics. On a CPU it is
    taken as groups of one channel: equal to rounding, in a quarter to four fifths of the time.
    """

    def __init__(self, norm: Norm) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps
        self.channels = norm.num_features  # a number; those of ``x`` are a tensor for an exporter

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type == "cpu":
            return functional.group_norm(x, self.channels, self.weight, self.bias, self.eps)
        return functional.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)


class PictureDropout(nn.Module):
    """[N, C, H, W] -> the same, with one mask for all: the draw of a batch of one."""

    def __init__(self, dropout: Dropout) -> None:
        super().__init__()
        self.kind, self.p = type(dropout), dropout.p

    def forward(self, x: Tensor) -> Tensor:
        # Drawn in the order of NCHW, whatever the memory layout of ``x``.
        ones = torch.ones_like(x[:1], memory_format=torch.contiguous_format)
        mask: Tensor = self.kind(self.p)(ones)
        return x * mask


def prepare(net: nn.Module, *, running_statistics: bool) -> nn.Module:
    """A copy for translating that shares the tensors of ``net``, which stays as it was.

    With ``running_statistics`` (``--eval``), batch norm uses those gathered in training, where
    there are any, and dropout is off. Without, see above; seed torch before each call.
    """
    return prepare_in_place(sharing_copy(net), running_statistics=running_statistics)


def prepare_in_place(net: nn.Module, *, running_statistics: bool) -> nn.Module:
    """``prepare``, of ``net`` itself: it can no longer be trained."""
    net.train(not running_statistics)

    def prepared(module: nn.Module) -> nn.Module:
        if isinstance(module, Norm):
            kept = running_statistics and module.running_mean is not None
            return module if kept else PictureNorm(module)
        if isinstance(module, Dropout) and not running_statistics:
            return PictureDropout(module)
        return module

    return replace_modules(net, prepared)


def move_to_device(net: nn.Module, device: torch.device) -> nn.Module:
    """``net`` itself on ``device``, in the layout that is the fastest without gradients."""
    net.to(device)
    if device.type == "cpu":
        net.to(memory_format=torch.channels_last)
        use_row_conv(net)
    return net


def sharing_copy(net: nn.Module) -> nn.Module:
    """Modules of its own, the same tensors."""
    memo = {id(tensor): tensor for tensor in (*net.parameters(), *net.buffers())}
    return copy.deepcopy(net, memo)


def replace_modules(net: nn.Module, replaced: Callable[[nn.Module], nn.Module]) -> nn.Module:
    """``net`` with every module exchanged for what ``replaced`` makes of it, in place."""
    for name, child in net.named_children():
        setattr(net, name, replace_modules(child, replaced))
    return replaced(net)
