"""Prepare a network for translating: no result depends on the other images in the batch.

The papers test their networks in training mode: batch norm uses the statistics of the image, and
dropout stays on as the noise z (pix2pix, section 3.4). Without a change, both would mix the images
of a batch. Here each image has its own statistics, and all images of a batch share the dropout
mask that a batch of one would draw. With equal seeds, any grouping gives the same results.
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
    """Normalise every channel of every image by its own mean and variance: [N, C, H, W].

    For one image this is batch norm in training mode, without running statistics. On a CPU it is
    computed as group norm with one channel per group: equal up to rounding, in a quarter to four
    fifths of the time. A GPU's own kernel would copy channels_last images to NCHW and back, so
    these are normalised by plain operations.
    """

    def __init__(self, norm: Norm) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps
        self.channels = norm.num_features  # an int; x.shape[1] is a tensor while tracing

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type == "cpu":
            return functional.group_norm(x, self.channels, self.weight, self.bias, self.eps)
        if x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous():
            return normalised(x, self.weight, self.bias, self.eps)
        return functional.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)


def normalised(x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> Tensor:
    """Normalise [N, C, H, W] as ``PictureNorm`` does, in float32, and keep the memory layout."""
    values = x.float()
    variance, mean = torch.var_mean(values, dim=(2, 3), correction=0, keepdim=True)
    scale = (variance + eps).rsqrt()
    if weight is None or bias is None:
        return ((values - mean) * scale).to(x.dtype)
    scale = scale * weight[:, None, None]
    return torch.addcmul(bias[:, None, None], values - mean, scale).to(x.dtype)


class PicturePadding(nn.ReflectionPad2d):
    """Keeps the memory layout, which a GPU's own kernel does not: [N, C, H, W]."""

    def forward(self, x: Tensor) -> Tensor:
        left, right, top, bottom = self.padding
        for axis, before, after in ((2, top, bottom), (3, left, right)):
            side = x.shape[axis]
            x = torch.cat([*(x.narrow(axis, i, 1) for i in range(before, 0, -1)), x,
                           *(x.narrow(axis, side - 2 - i, 1) for i in range(after))], dim=axis)
        return x


class PictureDropout(nn.Module):
    """Dropout with one mask for all images, as a batch of one draws it: [N, C, H, W]."""

    def __init__(self, dropout: Dropout) -> None:
        super().__init__()
        self.kind, self.p = type(dropout), dropout.p

    def forward(self, x: Tensor) -> Tensor:
        # Drawn in NCHW order, whatever the memory layout of ``x`` is.
        ones = torch.ones_like(x[:1], memory_format=torch.contiguous_format)
        mask: Tensor = self.kind(self.p)(ones)
        return x * mask


def prepare(net: nn.Module, *, running_statistics: bool) -> nn.Module:
    """Return a copy for translating that shares the tensors of ``net``; ``net`` is unchanged.

    With ``running_statistics`` (``--eval``), batch norm uses the statistics gathered in training,
    if there are any, and dropout is off. Otherwise see the text at the top of this file. Seed
    torch before each call.
    """
    return prepare_in_place(sharing_copy(net), running_statistics=running_statistics)


def prepare_in_place(net: nn.Module, *, running_statistics: bool) -> nn.Module:
    """Prepare ``net`` itself, and return it: it can no longer be trained."""
    net.train(not running_statistics)

    def prepared(module: nn.Module) -> nn.Module:
        if isinstance(module, Norm):
            kept = running_statistics and module.running_mean is not None
            return module if kept else PictureNorm(module)
        if isinstance(module, Dropout) and not running_statistics:
            return PictureDropout(module)
        return module

    return replace_modules(net, prepared)


def move_to_device(net: nn.Module, device: torch.device, *, exact: bool = False) -> nn.Module:
    """Move ``net`` to ``device``, in the memory layout that is fastest without gradients.

    ``exact``: with torch's own layout and kernels on a GPU.
    """
    net.to(device)
    if device.type == "cpu":
        use_row_conv(net, device)
    if device.type == "cuda" and not exact:
        net = replace_modules(net, lambda module: PicturePadding(module.padding)
                              if isinstance(module, nn.ReflectionPad2d) else module)
    if device.type == "cpu" or (device.type == "cuda" and not exact):
        net.to(memory_format=torch.channels_last)
    return net


def sharing_copy(net: nn.Module) -> nn.Module:
    """Return a copy of the modules that shares all tensors with ``net``."""
    memo = {id(tensor): tensor for tensor in (*net.parameters(), *net.buffers())}
    return copy.deepcopy(net, memo)


def replace_modules(net: nn.Module, replace: Callable[[nn.Module], nn.Module]) -> nn.Module:
    """Replace every module of ``net``, children first, by ``replace(module)``, in place."""
    for name, child in net.named_children():
        setattr(net, name, replace_modules(child, replace))
    return replace(net)
