"""Networks with fused kernels: the steps between two convolutions become one function.

``fuse`` replaces the classes of modules in place; weights and their names stay. On other devices,
and for norms that it does not know, a replaced module computes what its base class does.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.execution.fused import fused
from models.execution.norm_steps import Running, Steps
from models.networks.resnet import ResnetBlock
from models.networks.unet import DownBlock, UnetGenerator, UpBlock


def fuse(net: nn.Module) -> None:
    """Replace the classes of the modules that get faster, in place."""
    classes: dict[type, type] = {nn.Sequential: FusedSequential, ResnetBlock: FusedResnetBlock,
                                 UnetGenerator: FusedUnet}
    for module in net.modules():
        module.__class__ = classes.get(type(module), type(module))


class _Group(NamedTuple):
    """A module and what is computed with it: a norm, an activation and reflected borders."""

    module: nn.Module | None = None
    norm: nn.Module | None = None
    slope: float = 1.0
    border: int = 0

    def run(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        y, = normalised(self.module, self.norm, x, (self.slope,), self.border, residual)
        return y


class FusedSequential(nn.Sequential):
    """``nn.Sequential`` that joins norm, activation and reflected borders after a convolution."""

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Return the output, plus ``residual``."""
        if not _runs_on(x):
            y: Tensor = super().forward(x)
            return y if residual is None else y + residual
        *parts, last = _grouped(tuple(self))
        for part in parts:
            x = part.run(x)
        adds = residual is not None and last.slope == 1 and not last.border
        x = last.run(x, residual if adds else None)
        return x if adds or residual is None else x + residual


class FusedResnetBlock(ResnetBlock):
    """A residual block whose last norm adds the residual."""

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv_block(x, x)
        return y


class FusedUnet(UnetGenerator):
    """A U-Net whose norms also compute the two activations of their output."""

    def forward(self, x: Tensor) -> Tensor:
        if not _runs_on(x) or not self.is_complete:
            return super().forward(x)
        self.require_sides(x)
        skips = []
        *outer, innermost = (cast(DownBlock, block) for block in self.encoder)
        for block in outer:  # LeakyReLU for the next block, ReLU for the skip
            x, *skip = normalised(block.conv, block.norm, x, (0.2, 0.0) if self.skips else (0.2,))
            skips.append(skip)
        x, = normalised(innermost.conv, innermost.norm, x, (0.0,))
        *inner, outermost = (cast(UpBlock, block) for block in self.decoder)
        for up in inner:
            x, = normalised(up.conv, up.norm, x, (0.0,))
            x = up.dropout(x)  # the same after ReLU as before it
            skip = skips.pop()
            x = torch.cat([*skip, x], dim=1) if skip else x
        x, = normalised(outermost.conv, outermost.norm, x, (1.0,))
        last = self.model.layer("last")
        return last(x) if last else x


def normalised(
    module: nn.Module | None, norm: nn.Module | None, x: Tensor, slopes: tuple[float, ...],
    border: int = 0, residual: Tensor | None = None,
) -> tuple[Tensor, ...]:
    """Return the output of ``module``, then of the steps after it, for each slope."""
    kind = _kind(norm)
    removed = None
    if kind == "instance" and type(module) in (nn.Conv2d, nn.ConvTranspose2d):
        conv = cast(nn.Conv2d, module)
        x, removed = _without_bias(conv, x), conv.bias
    elif module is not None:
        x = module(x)
    if norm is not None and not kind:
        x = norm(x)
    if not kind and slopes == (1.0,) and not border and residual is None:
        return (x,)
    weight = bias = running = None
    if isinstance(norm, nn.BatchNorm2d) and kind:
        weight, bias, running = norm.weight, norm.bias, _running(norm)
    steps = Steps(kind, getattr(norm, "eps", 0.0), slopes, border)
    return fused(x, steps, weight, bias, residual, running, removed)


def _runs_on(x: Tensor) -> bool:
    return x.is_cuda and x.ndim == 4 and x.dtype in (torch.float32, torch.bfloat16, torch.float16)


def _grouped(layers: Sequence[nn.Module]) -> Iterator[_Group]:
    """Split the layers: every group has as many of them as can be computed together."""
    position = 0
    while position < len(layers):
        start = position
        conv = norm = None
        if isinstance(layers[position], nn.Conv2d | nn.ConvTranspose2d):
            conv = layers[position]
            position += 1
        if _kind(_at(layers, position)):
            norm = layers[position]
            position += 1
        activation = _at(layers, position)
        # In place on the input of all layers, it also changes what the caller holds.
        outside = position == 0 and getattr(activation, "inplace", False)
        slope = None if outside else _slope(activation)
        position += slope is not None
        border = _border(_at(layers, position))
        position += border > 0
        if position == start:
            yield _Group(layers[position])
            position += 1
        else:
            yield _Group(conv, norm, 1.0 if slope is None else slope, border)


def _at(layers: Sequence[nn.Module], position: int) -> nn.Module | None:
    return layers[position] if position < len(layers) else None


def _kind(norm: nn.Module | None) -> str:
    """Return the name of a norm by the statistics of its input, or "" for any other module."""
    if type(norm) is nn.InstanceNorm2d and not norm.affine and not norm.track_running_stats:
        return "instance"
    if type(norm) is nn.BatchNorm2d and norm.training and norm.momentum is not None:
        return "batch"
    return ""


def _slope(activation: nn.Module | None) -> float | None:
    """Return the slope of an activation below zero, or None for any other module."""
    if type(activation) is nn.ReLU:
        return 0.0
    return float(activation.negative_slope) if type(activation) is nn.LeakyReLU else None


def _border(pad: nn.Module | None) -> int:
    """Return the width of equal reflected borders, or 0 for any other module."""
    if type(pad) is nn.ReflectionPad2d and len(set(pad.padding)) == 1:
        return int(pad.padding[0])
    return 0


def _running(norm: nn.BatchNorm2d) -> Running | None:
    if norm.running_mean is None:
        return None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    assert norm.momentum is not None
    return Running(norm.running_mean, norm.running_var, norm.num_batches_tracked, norm.momentum)


def _without_bias(conv: nn.Conv2d | nn.ConvTranspose2d, x: Tensor) -> Tensor:
    settings: dict[str, Any] = {name: getattr(conv, name)
                                for name in ("stride", "padding", "dilation", "groups")}
    if isinstance(conv, nn.ConvTranspose2d):
        settings["output_padding"] = conv.output_padding
        return functional.conv_transpose2d(x, conv.weight, **settings)
    return functional.conv2d(x, conv.weight, **settings)
