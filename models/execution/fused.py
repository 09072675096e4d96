"""The steps after a convolution by GPU kernels (kernels_forward.py, kernels_backward.py)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from models.execution.norm_steps import Running, Steps, plain

PROGRAMS = 768  # wanted for one kernel: about six for each multiprocessor of an H100
ROWS, COLS = 64, 64  # pixels and channels of one loop step of a program
ROWS_BACKWARD = 32  # more of them would need more registers than a thread has
CHUNKS = 32, 128  # most chunks of an image; each number is compiled once


def fused(
    x: Tensor, steps: Steps, weight: Tensor | None = None, bias: Tensor | None = None,
    residual: Tensor | None = None, running: Running | None = None,
    removed: Tensor | None = None,
) -> tuple[Tensor, ...]:
    """Do the same as ``plain``, on a GPU with images in channels_last memory.

    ``residual``: only without activation and borders; the gradient of the output is its own.
    ``removed``: a bias that was not added to ``x`` because the norm subtracts it again. Its
    gradient is 0.
    """
    assert residual is None or (steps.slopes == (1.0,) and not steps.border)
    if steps.norm == "batch" and steps.border:
        outputs = fused(x, replace(steps, border=0), weight, bias, residual, running)
        border = Steps(border=steps.border)
        return tuple(fused(output, border)[0] for output in outputs)
    x = x.contiguous(memory_format=torch.channels_last)
    if residual is not None:
        residual = residual.contiguous(memory_format=torch.channels_last)
    result: tuple[Tensor, ...] = _Fused.apply(x, weight, bias, residual, removed, steps, running)
    return result


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, residual: Tensor | None,
        removed: Tensor | None, steps: Steps, running: Running | None,
    ) -> tuple[Tensor, ...]:
        from models.execution import kernels_forward as kernels

        work = Work.of(x, steps.norm)
        images, channels, height, width = x.shape
        parts = moments = x  # an argument that the kernel does not read
        if steps.norm:
            parts = x.new_empty(work.images * work.chunks, 2, channels, dtype=torch.float32)
            moments = x.new_empty(work.images, 2, channels, dtype=torch.float32)
            kernels.statistics_kernel[work.of_chunks](
                x, parts, work.pixels, channels, work.chunk, work.chunks, ROWS=ROWS, COLS=COLS)
        high, wide = height + 2 * steps.border, width + 2 * steps.border
        outputs = tuple(torch.empty((images, channels, high, wide), dtype=x.dtype, device=x.device,
                                    memory_format=torch.channels_last) for _ in steps.slopes)
        if running:
            running.count.add_(1)
        kernels.output_kernel[work.of_rows(images * high * wide // work.images)](
            x, parts, _or(weight, x), _or(bias, x), _or(residual, x), outputs[0], outputs[-1],
            moments, running.mean if running else x, running.var if running else x, work.pixels,
            height, width, channels, work.chunk, work.chunks, work.rows, steps.border, steps.eps,
            running.momentum if running else 0.0, steps.slopes[0], steps.slopes[-1],
            NORM=bool(steps.norm), AFFINE=weight is not None, TRACK=running is not None,
            RESIDUAL=residual is not None, TWO=len(outputs) > 1, BORDERS=steps.border > 0,
            CHUNKS=work.most_chunks, ROWS=ROWS, COLS=COLS)
        ctx.save_for_backward(x, weight, bias, moments)
        ctx.steps, ctx.work, ctx.removed = steps, work, removed
        ctx.has_residual = residual is not None
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        *inputs, moments = ctx.saved_tensors
        zero = None if ctx.removed is None else torch.zeros_like(ctx.removed)
        others = gradients[0] if ctx.has_residual else None, zero, None, None
        if not torch.is_grad_enabled():
            return *_gradients(ctx.work, ctx.steps, inputs, moments, gradients), *others
        x, weight, bias = inputs  # the gradient itself needs gradients
        with torch.autocast(x.device.type, enabled=False):
            outputs = plain(x, ctx.steps, weight, bias)
        existing = [value for value in inputs if value is not None]
        found = iter(torch.autograd.grad(outputs, existing, gradients, create_graph=True))
        return *(None if value is None else next(found) for value in inputs), *others


def _gradients(
    work: "Work", steps: Steps, inputs: Sequence[Tensor | None], moments: Tensor,
    gradients: Sequence[Tensor],
) -> tuple[Tensor | None, ...]:
    """Return the gradients of x, weight and bias."""
    from models.execution import kernels_backward as kernels

    x, weight, bias = inputs
    assert x is not None
    first, *_, last = [grad.contiguous(memory_format=torch.channels_last)
                       for grad in (*gradients, *gradients[-1:])]
    channels, height, width = x.shape[1:]
    shared = {"AFFINE": weight is not None, "TWO": len(gradients) > 1, "BORDERS": steps.border > 0,
              "ROWS": ROWS_BACKWARD, "COLS": COLS}
    sums = x
    if steps.norm:
        sums = x.new_empty(work.images * work.chunks, 2, channels, dtype=torch.float32)
        kernels.gradient_sums_kernel[work.of_chunks](
            x, moments, _or(weight, x), _or(bias, x), first, last, sums, work.pixels, height,
            width, channels, work.chunk, work.chunks, steps.border, steps.slopes[0],
            steps.slopes[-1], **shared)
    found = [None if value is None else torch.empty_like(value) for value in inputs]
    of_x, of_weight, of_bias = (_or(value, x) for value in found)
    kernels.input_gradient_kernel[work.of_rows(work.pixels)](
        x, moments, _or(weight, x), _or(bias, x), first, last, sums, of_x, of_weight, of_bias,
        work.pixels, height, width, channels, work.chunks, work.rows, steps.border,
        steps.slopes[0], steps.slopes[-1], NORM=bool(steps.norm), CHUNKS=work.most_chunks,
        **shared)
    return tuple(found)


def _or(value: Tensor | None, unused: Tensor) -> Tensor:
    return unused if value is None else value


@dataclass(frozen=True)
class Work:
    """How the work is divided: see kernels_forward.py.

    ``images``: with statistics of their own. ``rows``: pixels of a program that writes an image.
    """

    images: int
    pixels: int
    columns: int
    chunk: int
    chunks: int
    rows: int

    @classmethod
    def of(cls, x: Tensor, norm: str) -> "Work":
        """Divide the work on ``x``, [N, C, H, W]."""
        images, channels, height, width = x.shape
        pixels = height * width
        if norm == "batch":
            images, pixels = 1, images * pixels
        columns = -(-channels // COLS)
        tiles = -(-pixels // ROWS)
        chunks = max(1, min(CHUNKS[-1], PROGRAMS // (images * columns), tiles))
        chunk = -(-tiles // chunks) * ROWS
        rows = max(1, min(16, tiles * images * columns // (2 * PROGRAMS))) * ROWS
        return cls(images, pixels, columns, chunk, -(-pixels // chunk), rows)

    @property
    def most_chunks(self) -> int:
        """Return the number of chunks for which the kernel is compiled."""
        return next(most for most in CHUNKS if most >= self.chunks)

    @property
    def of_chunks(self) -> tuple[int, int]:
        return self.images * self.chunks, self.columns

    def of_rows(self, pixels: int) -> tuple[int, int]:
        return self.images * -(-pixels // self.rows), self.columns
