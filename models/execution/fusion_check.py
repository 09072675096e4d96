"""A comparison of the fused kernels with torch on the GPU at hand, before a training uses them.

Triton compiles the kernels for each GPU, and needs a C compiler to start them.
"""

import logging
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from models.execution.fused import fused
from models.execution.norm_steps import Running, Steps, plain

log = logging.getLogger(__name__)

# Largest difference from torch, relative to the largest value: a few roundings.
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 3e-2, torch.float16: 4e-3}


class KernelCase(NamedTuple):
    """``size`` of the input, [N, C, H, W]; ``affine``: with weight, bias, running statistics."""

    steps: Steps
    size: tuple[int, int, int, int] = (2, 72, 20, 21)
    affine: bool = False
    residual: bool = False


CASES = (
    KernelCase(Steps("instance", slopes=(0.0,), border=1)),
    KernelCase(Steps("instance"), residual=True),
    KernelCase(Steps("instance", slopes=(0.2,)), (1, 8, 96, 96)),  # more chunks than the others
    KernelCase(Steps("batch", slopes=(0.2, 0.0)), affine=True),
    KernelCase(Steps(border=3)),
)


@lru_cache
def can_fuse(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether the kernels compute the same as torch there; log a warning if not."""
    try:
        worst = max(difference(case, device, dtype) for case in CASES)
    except Exception as error:  # of Triton, a compiler or the driver: of any class
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        log.warning("--fused is not used: its kernels do not run on %s: %s", device, reason)
        return False
    if worst <= TOLERANCE[dtype]:
        return True
    log.warning("--fused is not used: its kernels differ from torch by %.2g on %s, allowed are %g; "
                "please report it with the versions of torch and Triton", worst, device,
                TOLERANCE[dtype])
    return False


def difference(case: KernelCase, device: torch.device, dtype: torch.dtype) -> float:
    """Return the largest relative difference from torch in float64, in values and gradients."""
    inputs, running = _inputs(case, device, dtype), _running(case, device)
    exact = {name: value.detach().double().requires_grad_() for name, value in inputs.items()}
    counted = _running(case, device, torch.float64)
    own = fused(steps=case.steps, running=running, **inputs)
    wanted = plain(steps=case.steps, running=counted, **exact)
    gradients = [torch.linspace(-1, 1, out.numel(), device=device).view_as(out) for out in own]
    found = [*own, *torch.autograd.grad(own, list(inputs.values()),
                                        [gradient.to(dtype) for gradient in gradients])]
    right = [*wanted, *torch.autograd.grad(wanted, list(exact.values()),
                                           [gradient.double() for gradient in gradients])]
    if running and counted:
        found += [running.mean, running.var, running.count]
        right += [counted.mean, counted.var, counted.count]
    pairs = [(one.detach().double(), other.detach().double())
             for one, other in zip(found, right, strict=True)]
    return max(float((one - other).abs().max() / other.abs().max().clamp(min=1e-6))
               for one, other in pairs)


def _inputs(case: KernelCase, device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)

    def image() -> Tensor:
        values = torch.randn(case.size, generator=generator) * 2 + 3
        return values.to(device, dtype, memory_format=torch.channels_last).requires_grad_()

    inputs = {"x": image()} | ({"residual": image()} if case.residual else {})
    for name in ("weight", "bias") if case.affine else ():
        values = torch.randn(case.size[1], generator=generator)
        inputs[name] = values.to(device).requires_grad_()
    return inputs


def _running(
    case: KernelCase, device: torch.device, dtype: torch.dtype = torch.float32
) -> Running | None:
    channels = case.size[1]
    return Running(torch.zeros(channels, device=device, dtype=dtype),
                   torch.ones(channels, device=device, dtype=dtype),
                   torch.zeros((), device=device, dtype=torch.int64), 0.1) if case.affine else None
