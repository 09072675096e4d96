"""GPU kernels of the gradients of kernels_forward.py; the same names and memory."""

# The language of the kernels has no types.
# mypy: ignore-errors

import triton
import triton.language as tl

from models.execution.kernels_forward import VARYING


@triton.jit
def _without_borders(gradient, image, row, pixels, height, width, border, channels, col, valid,
                     BORDERS: tl.constexpr):
    """Sum the gradients of a pixel and of its copies in the borders: [ROWS, COLS]."""
    if not BORDERS:
        at = (image.to(tl.int64) * pixels + row)[:, None] * channels + col[None, :]
        return tl.load(gradient + at, mask=valid, other=0.0).to(tl.float32)
    y, x = row // width, row % width
    wide = width + 2 * border
    gradient += image.to(tl.int64) * (height + 2 * border) * wide * channels
    at = ((y + border) * wide + x + border)[:, None] * channels + col[None, :]
    total = tl.load(gradient + at, mask=valid, other=0.0).to(tl.float32)
    for copy in tl.static_range(1, 9):  # one of the 3 x 3 positions is the pixel itself
        at_y, at_x = y + border, x + border
        exists = y >= 0
        if copy // 3 == 1:
            at_y, exists = border - y, exists & (y >= 1) & (y <= border)
        if copy // 3 == 2:
            at_y = 2 * (height - 1) - y + border
            exists = exists & (y <= height - 2) & (y >= height - 1 - border)
        if copy % 3 == 1:
            at_x, exists = border - x, exists & (x >= 1) & (x <= border)
        if copy % 3 == 2:
            at_x = 2 * (width - 1) - x + border
            exists = exists & (x <= width - 2) & (x >= width - 1 - border)
        at = (at_y * wide + at_x)[:, None] * channels + col[None, :]
        total += tl.load(gradient + at, mask=valid & exists[:, None], other=0.0).to(tl.float32)
    return total


@triton.jit
def _gradient(x, grad, grad_2, image, row, pixels, height, width, border, channels, col, valid,
              mean, scale, gain, offset, slope, slope_2, NORM: tl.constexpr, TWO: tl.constexpr,
              BORDERS: tl.constexpr):
    """Return the gradient before the activation, and the normalised value: [ROWS, COLS]."""
    at = (image.to(tl.int64) * pixels + row)[:, None] * channels + col[None, :]
    value = tl.load(x + at, mask=valid, other=0.0).to(tl.float32)
    if NORM:
        value = (value - mean[None, :]) * scale[None, :]
    positive = value * gain[None, :] + offset[None, :] > 0
    total = _without_borders(grad, image, row, pixels, height, width, border, channels, col, valid,
                             BORDERS)
    total = tl.where(positive, total, total * slope)
    if TWO:
        other = _without_borders(grad_2, image, row, pixels, height, width, border, channels, col,
                                 valid, BORDERS)
        total += tl.where(positive, other, other * slope_2)
    return total, value


@triton.jit(do_not_specialize=VARYING)
def gradient_sums_kernel(x, moments, weight, bias, grad, grad_2, sums, pixels, height, width,
                         channels, chunk, chunks, border, slope, slope_2, AFFINE: tl.constexpr,
                         TWO: tl.constexpr, BORDERS: tl.constexpr, ROWS: tl.constexpr,
                         COLS: tl.constexpr):
    """Write the sums of the gradient, and of its products with the normalised values.

    sums[N * chunks, 2, C].
    """
    program = tl.program_id(0)
    image, first = program // chunks, program % chunks * chunk
    last = tl.minimum(first + chunk, pixels)
    col = tl.program_id(1) * COLS + tl.arange(0, COLS)
    inside = col < channels
    mean = tl.load(moments + image * 2 * channels + col, mask=inside, other=0.0)
    scale = tl.load(moments + (image * 2 + 1) * channels + col, mask=inside, other=0.0)
    gain, offset = scale * 0 + 1, scale * 0
    if AFFINE:
        gain = tl.load(weight + col, mask=inside, other=0.0).to(tl.float32)
        offset = tl.load(bias + col, mask=inside, other=0.0).to(tl.float32)
    total = tl.zeros([ROWS, COLS], tl.float32)
    product = tl.zeros([ROWS, COLS], tl.float32)
    for start in range(first, last, ROWS):
        row = start + tl.arange(0, ROWS)
        valid = (row < last)[:, None] & inside[None, :]
        gradient, value = _gradient(x, grad, grad_2, image, row, pixels, height, width, border,
                                    channels, col, valid, mean, scale, gain, offset, slope,
                                    slope_2, True, TWO, BORDERS)
        total += gradient
        product += gradient * value
    out = sums + program * 2 * channels + col
    tl.store(out, tl.sum(total, 0), mask=inside)
    tl.store(out + channels, tl.sum(product, 0), mask=inside)


@triton.jit
def _totals(sums, image, channels, chunks, col, inside, CHUNKS: tl.constexpr):
    """Add up the chunks of an image: two numbers for each channel."""
    part = tl.arange(0, CHUNKS)
    valid = (part < chunks)[:, None] & inside[None, :]
    at = (image * chunks + part)[:, None] * 2 * channels + col[None, :]
    first = tl.sum(tl.load(sums + at, mask=valid, other=0.0), 0)
    return first, tl.sum(tl.load(sums + at + channels, mask=valid, other=0.0), 0)


@triton.jit(do_not_specialize=VARYING)
def input_gradient_kernel(x, moments, weight, bias, grad, grad_2, sums, grad_x, grad_weight,
                          grad_bias, pixels, height, width, channels, chunks, rows, border,
                          slope, slope_2, NORM: tl.constexpr, AFFINE: tl.constexpr,
                          TWO: tl.constexpr, BORDERS: tl.constexpr, CHUNKS: tl.constexpr,
                          ROWS: tl.constexpr, COLS: tl.constexpr):
    """Write the gradients of the input, the weight and the bias."""
    blocks = tl.cdiv(pixels, rows)
    program = tl.program_id(0)
    image, first = program // blocks, program % blocks * rows
    last = tl.minimum(first + rows, pixels)
    col = tl.program_id(1) * COLS + tl.arange(0, COLS)
    inside = col < channels
    mean = tl.zeros([COLS], tl.float32)
    scale, gain, offset = mean + 1, mean + 1, mean
    total, product = mean, mean
    if NORM:
        mean = tl.load(moments + image * 2 * channels + col, mask=inside, other=0.0)
        scale = tl.load(moments + (image * 2 + 1) * channels + col, mask=inside, other=0.0)
        total, product = _totals(sums, image, channels, chunks, col, inside, CHUNKS)
        if AFFINE:
            gain = tl.load(weight + col, mask=inside, other=0.0).to(tl.float32)
            offset = tl.load(bias + col, mask=inside, other=0.0).to(tl.float32)
            if first == 0:
                tl.store(grad_weight + col, product, mask=inside)
                tl.store(grad_bias + col, total, mask=inside)
        total /= pixels
        product /= pixels
    for start in range(first, last, ROWS):
        row = start + tl.arange(0, ROWS)
        valid = (row < last)[:, None] & inside[None, :]
        gradient, value = _gradient(x, grad, grad_2, image, row, pixels, height, width, border,
                                    channels, col, valid, mean, scale, gain, offset, slope,
                                    slope_2, NORM, TWO, BORDERS)
        if NORM:
            gradient = (gradient - total[None, :] - value * product[None, :])
            gradient *= (scale * gain)[None, :]
        at = (image.to(tl.int64) * pixels + row)[:, None] * channels + col[None, :]
        tl.store(grad_x + at, gradient, mask=valid)
