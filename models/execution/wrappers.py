"""Wrappers around a network's ``forward``: precision, memory layout, parts, recomputation.

They accept any number of inputs, and a tensor or a list or tuple of tensors as output.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import repeat
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def run_as(
    net: nn.Module, *inputs: Any, forward: Callable[..., Any], dtype: torch.dtype | None,
    channels_last: bool, parts: int, **settings: Any,
) -> Any:
    """Run ``forward``, that of the network's class, with float32 inputs and outputs.

    ``dtype``: of the computation inside; None means float32. ``parts``: ``Speed.batch_parts``.
    """
    if channels_last:
        inputs = tuple(_channels_last(value) for value in inputs)
    device = next(value.device.type for value in inputs if isinstance(value, Tensor))
    with torch.autocast(device, dtype=dtype, enabled=dtype is not None):
        if parts > 1 and torch.is_grad_enabled():
            outputs = _joined([
                recomputed(net, *part, **settings) for part in _split(inputs, parts)
            ])
        else:
            outputs = forward(net, *inputs, **settings)
    return outputs if dtype is None else _each(outputs, _float32)


def _channels_last(value: Any) -> Any:
    """Return images [N, C, H, W] in channels_last memory, and any other value unchanged."""
    if isinstance(value, Tensor) and value.ndim == 4:
        return value.contiguous(memory_format=torch.channels_last)
    return value


def _float32(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value


def _each(outputs: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Apply ``change`` to a tensor, or to every tensor of a list, a tuple or a dict."""
    if isinstance(outputs, Tensor):
        return change(outputs)
    if isinstance(outputs, dict):
        return {name: _each(value, change) for name, value in outputs.items()}
    if isinstance(outputs, list | tuple):
        return type(outputs)(_each(value, change) for value in outputs)
    return outputs


def _split(inputs: Sequence[Any], parts: int) -> Iterator[tuple[Any, ...]]:
    """Split all tensors that have the batch size of the first tensor; repeat other inputs."""
    size = next(len(value) for value in inputs if isinstance(value, Tensor))
    columns = [value.chunk(parts) if isinstance(value, Tensor) and value.ndim and len(value) == size
               else repeat(value) for value in inputs]
    return zip(*columns, strict=False)


def _joined(outputs: Sequence[Any]) -> Any:
    """Concatenate the outputs of the parts of a batch along the batch axis."""
    first = outputs[0]
    if isinstance(first, Tensor):
        if first.ndim == 0:
            raise ValueError("--grad_accum: a network returns a single number for a batch, which "
                             "cannot be concatenated; return one value for each image, or leave "
                             "the flag out")
        return torch.cat(list(outputs))
    return type(first)(_joined(column) for column in zip(*outputs, strict=True))


def recomputed(net: nn.Module, *inputs: Any, **settings: Any) -> Any:
    """Run ``net.forward``, keep only its inputs, and run it again in the backward pass."""
    return checkpoint(partial(type(net).forward, net, **settings), *inputs, use_reentrant=False,
                      context_fn=lambda: (nullcontext(), _StatisticsKept(net)))


class _StatisticsKept(AbstractContextManager[None]):
    """Prevent batch norms inside from counting a batch twice. Can be entered repeatedly."""

    def __init__(self, net: nn.Module) -> None:
        self.norms = [module for module in net.modules() if isinstance(module, _BatchNorm)]

    def __enter__(self) -> None:
        self.kept = [dict(norm._buffers) for norm in self.norms]
        for norm, kept in zip(self.norms, self.kept, strict=True):
            norm._buffers.update({key: None if b is None else b.clone() for key, b in kept.items()})

    def __exit__(self, *error: object) -> None:
        for norm, kept in zip(self.norms, self.kept, strict=True):
            norm._buffers.update(kept)
