"""GPU kernels of a norm with all that follows it up to the next convolution, in channels_last.

    y = leaky_relu(norm(x) * weight + bias + residual), with reflected borders

torch computes each of these steps by a kernel of its own, which reads and writes the whole image,
and it has no channels_last kernels for instance norm and reflected borders. Here there are two
kernels forward and two backward: the first adds up each channel, the second does the rest.

Images are [N, H, W, C] in memory. ``pixels`` is H * W; a batch norm is the norm of one image of
N * H * W pixels. A chunk is a part of the pixels of one image. A program computes ``COLS``
channels, ``ROWS`` pixels at a time. All sums are float32, in a fixed order: equal inputs give equal
results.
"""

# The language of the kernels has no types.
# mypy: ignore-errors

import triton
import triton.language as tl

# Numbers that change with the size of an image, and would be compiled for each value otherwise.
VARYING = ["pixels", "height", "width", "chunk", "chunks", "rows", "border"]


@triton.jit(do_not_specialize=VARYING)
def statistics_kernel(x, parts, pixels, channels, chunk, chunks,
                      ROWS: tl.constexpr, COLS: tl.constexpr):
    """Write the mean and the sum of squared differences of each chunk: parts[N * chunks, 2, C]."""
    program = tl.program_id(0)
    image, first = program // chunks, program % chunks * chunk
    last = tl.minimum(first + chunk, pixels)
    col = tl.program_id(1) * COLS + tl.arange(0, COLS)
    inside = col < channels
    x += (image.to(tl.int64) * pixels + first) * channels
    # Differences from one value of the channel: squares of a large mean would lose digits.
    origin = tl.load(x + col, mask=inside, other=0.0).to(tl.float32)
    total = tl.zeros([ROWS, COLS], tl.float32)
    squares = tl.zeros([ROWS, COLS], tl.float32)
    row = tl.arange(0, ROWS)
    for start in range(first, last, ROWS):
        valid = (start + row < last)[:, None] & inside[None, :]
        value = tl.load(x + row[:, None] * channels + col[None, :], mask=valid, other=0.0)
        value = tl.where(valid, value.to(tl.float32) - origin[None, :], 0.0)
        total += value
        squares += value * value
        x += ROWS * channels
    count = (last - first).to(tl.float32)
    sums = tl.sum(total, 0)
    out = parts + program * 2 * channels + col
    tl.store(out, origin + sums / count, mask=inside)
    tl.store(out + channels, tl.sum(squares, 0) - sums * sums / count, mask=inside)


@triton.jit
def _moments(parts, image, pixels, channels, chunk, chunks, col, inside, CHUNKS: tl.constexpr):
    """Combine the chunks of an image: mean and biased variance (Chan et al. 1979)."""
    part = tl.arange(0, CHUNKS)
    valid = (part < chunks)[:, None] & inside[None, :]
    at = (image * chunks + part)[:, None] * 2 * channels + col[None, :]
    means = tl.load(parts + at, mask=valid, other=0.0)
    squares = tl.load(parts + at + channels, mask=valid, other=0.0)
    counts = tl.minimum(chunk, pixels - part * chunk).to(tl.float32)[:, None]
    counts = tl.where(valid, counts, 0.0)
    mean = tl.sum(counts * means, 0) / pixels
    distance = means - mean[None, :]
    return mean, tl.sum(squares + counts * distance * distance, 0) / pixels


@triton.jit
def _source(at, height, width, border):
    """Return the pixel of the image that is seen at position ``at`` of the image with borders."""
    y = tl.abs(at // (width + 2 * border) - border)
    x = tl.abs(at % (width + 2 * border) - border)
    y = tl.where(y >= height, 2 * (height - 1) - y, y)
    x = tl.where(x >= width, 2 * (width - 1) - x, x)
    return y * width + x


@triton.jit
def _track(running_mean, running_var, mean, variance, pixels, momentum, col, inside):
    """Update the running statistics of a batch norm; its variance is the unbiased one."""
    variance *= pixels / tl.maximum(pixels - 1, 1).to(tl.float32)
    old = tl.load(running_mean + col, mask=inside)
    tl.store(running_mean + col, old + momentum * (mean - old), mask=inside)
    old = tl.load(running_var + col, mask=inside)
    tl.store(running_var + col, old + momentum * (variance - old), mask=inside)


@triton.jit(do_not_specialize=VARYING)
def output_kernel(x, parts, weight, bias, residual, out, out_2, moments, running_mean, running_var,
                  pixels, height, width, channels, chunk, chunks, rows, border, eps, momentum,
                  slope, slope_2, NORM: tl.constexpr, AFFINE: tl.constexpr, TRACK: tl.constexpr,
                  RESIDUAL: tl.constexpr, TWO: tl.constexpr, BORDERS: tl.constexpr,
                  CHUNKS: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr):
    """Write one or two outputs, and moments[N, 2, C]: mean and 1 / deviation.

    ``rows`` is the number of output pixels of a program.
    """
    padded = pixels
    if BORDERS:
        padded = (height + 2 * border) * (width + 2 * border)
    blocks = tl.cdiv(padded, rows)
    program = tl.program_id(0)
    image, first = program // blocks, program % blocks * rows
    last = tl.minimum(first + rows, padded)
    col = tl.program_id(1) * COLS + tl.arange(0, COLS)
    inside = col < channels
    if NORM:
        mean, variance = _moments(parts, image, pixels, channels, chunk, chunks, col, inside,
                                  CHUNKS)
        scale = 1.0 / tl.sqrt(variance + eps)
        if first == 0:
            tl.store(moments + image * 2 * channels + col, mean, mask=inside)
            tl.store(moments + (image * 2 + 1) * channels + col, scale, mask=inside)
            if TRACK:
                _track(running_mean, running_var, mean, variance, pixels, momentum, col, inside)
        shift = -mean * scale
        if AFFINE:
            gain = tl.load(weight + col, mask=inside, other=0.0).to(tl.float32)
            scale *= gain
            shift = shift * gain + tl.load(bias + col, mask=inside, other=0.0).to(tl.float32)
    x += image.to(tl.int64) * pixels * channels
    residual += image.to(tl.int64) * pixels * channels
    for start in range(first, last, ROWS):
        row = start + tl.arange(0, ROWS)
        valid = (row < last)[:, None] & inside[None, :]
        to = (image.to(tl.int64) * padded + row)[:, None] * channels + col[None, :]
        if BORDERS:
            row = _source(row, height, width, border)
        at = row.to(tl.int64)[:, None] * channels + col[None, :]
        value = tl.load(x + at, mask=valid, other=0.0).to(tl.float32)
        if NORM:
            value = value * scale[None, :] + shift[None, :]
        if RESIDUAL:
            value += tl.load(residual + at, mask=valid, other=0.0).to(tl.float32)
        tl.store(out + to, tl.where(value > 0, value, value * slope), mask=valid)
        if TWO:
            tl.store(out_2 + to, tl.where(value > 0, value, value * slope_2), mask=valid)
