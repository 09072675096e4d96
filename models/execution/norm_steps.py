"""The steps between two convolutions, defined by torch's own functions.

``plain`` is what the GPU kernels of fused.py must compute. It is also used for the gradients of
their gradients (WGAN-GP).
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Steps:
    """What is computed after a convolution.

    ``norm``: "instance", "batch" or "" (none), with training statistics. ``slopes``: one or two
    outputs, each with its slope below zero: 0 is ReLU, 1 changes nothing. ``border``: width of
    reflected borders (pixels) around the outputs.
    """

    norm: str = ""
    eps: float = 1e-5
    slopes: tuple[float, ...] = (1.0,)
    border: int = 0


@dataclass(frozen=True)
class Running:
    """Statistics that a batch norm updates in place; ``count`` is num_batches_tracked."""

    mean: Tensor
    var: Tensor
    count: Tensor
    momentum: float


def plain(
    x: Tensor, steps: Steps, weight: Tensor | None = None, bias: Tensor | None = None,
    residual: Tensor | None = None, running: Running | None = None,
) -> tuple[Tensor, ...]:
    """Compute the outputs by torch: [N, C, H, W] -> [N, C, H + 2 border, W + 2 border] each."""
    y = x
    if steps.norm == "instance":
        y = functional.instance_norm(x, weight=weight, bias=bias, eps=steps.eps)
    elif steps.norm == "batch":
        mean, var = (running.mean, running.var) if running else (None, None)
        momentum = running.momentum if running else 0.0
        y = functional.batch_norm(x, mean, var, weight, bias, training=True, momentum=momentum,
                                  eps=steps.eps)
        if running:
            running.count.add_(1)
    y = y if residual is None else y + residual
    outputs = [y if slope == 1 else functional.leaky_relu(y, slope) for slope in steps.slopes]
    pad = (steps.border,) * 4
    return tuple(functional.pad(out, pad, "reflect") if steps.border else out for out in outputs)
