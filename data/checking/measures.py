"""Measure the look of an image, and the shift between two images."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from data.files.raster import Pixels
from util.pixel_values import levels_to_unit

SIDE = 128  # pixels; both images are scaled to squares of this side
MARGIN = SIDE // 8  # the largest shift
BLUR = 1.0  # pixels; edges of drawn labels and of photos never match exactly
LOOK_SIDE = 64

LookFeatures = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Shift:
    """The shift of B that matches A best, in fractions of width and height.

    ``gain``, 0..2, is the correlation of the edges after the shift minus that before.
    """

    right: float
    down: float
    gain: float


def preview(pixels: Pixels, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Convert [H, W, C] of any dtype to uint8 RGB of ``size`` (width, height), for display.

    Values other than bytes are stretched from the lowest to the highest. Of more than 3 channels
    the first 3 are shown; of 2 channels, the first.
    """
    shown = pixels[:, :, :3] if pixels.shape[2] >= 3 else pixels[:, :, :1]
    if shown.dtype != np.uint8:
        low, high = float(shown.min()), float(shown.max())
        shown = ((shown - low) * (255 / ((high - low) or 1))).astype(np.uint8)
    image = Image.fromarray(shown if shown.shape[2] == 3 else shown[:, :, 0]).convert("RGB")
    return np.asarray(image.resize(size, Image.Resampling.BOX, reducing_gap=2))


def look(pixels: Pixels) -> LookFeatures:
    """Return 9 features: means and deviations of red, green and blue; the number of colours
    (log2); the strength of edges; the part without edges.
    """
    rows = np.linspace(0, pixels.shape[0] - 1, LOOK_SIDE).round().astype(int)
    columns = np.linspace(0, pixels.shape[1] - 1, LOOK_SIDE).round().astype(int)
    # Pixels are picked, not averaged: averages have colours that are not in the image.
    small = levels_to_unit(preview(pixels[rows][:, columns], (LOOK_SIDE, LOOK_SIDE)))
    levels = (small * 31).astype(int)
    colours = len(np.unique(levels @ np.array([1, 32, 1024])))
    steps = np.abs(np.diff(small.mean(axis=2), axis=1))
    return np.array([*small.mean(axis=(0, 1)), *small.std(axis=(0, 1)), np.log2(colours),
                     steps.mean(), (steps < 1 / 255).mean()], np.float32)


def best_shift(A: Pixels, B: Pixels) -> Shift:
    """Correlate the edges of A and B for all shifts up to an eighth of the side.

    The Fourier transform computes it, so images repeat beyond their borders.
    """
    edges_A, edges_B = _edges(A), _edges(B)
    power = float(np.sqrt((edges_A**2).sum() * (edges_B**2).sum()))
    if not power:
        return Shift(0, 0, 0)
    spectrum = (np.fft.rfft2(edges_A) * np.fft.rfft2(edges_B).conj()).sum(axis=0)
    everywhere = np.fft.irfft2(spectrum, (SIDE, SIDE)) / power
    scores = np.roll(everywhere, (MARGIN, MARGIN), (0, 1))[: 2 * MARGIN + 1, : 2 * MARGIN + 1]
    down, right = np.unravel_index(scores.argmax(), scores.shape)
    at_border = {0, 2 * MARGIN} & {int(down), int(right)}  # may be a slope, not a peak
    gain = 0.0 if at_border else float(scores[down, right] - scores[MARGIN, MARGIN])
    return Shift((int(right) - MARGIN) / SIDE, (int(down) - MARGIN) / SIDE, gain)


def _edges(pixels: Pixels) -> npt.NDArray[np.float32]:
    """Return horizontal and vertical edges, float32 [2, SIDE, SIDE], mean 0.

    They are separate because house fronts are full of parallel edges.
    """
    from skimage.filters import gaussian, sobel_h, sobel_v

    grey = levels_to_unit(preview(pixels, (SIDE, SIDE)).astype(np.float32).mean(axis=2))
    edges = np.stack([gaussian(np.abs(sobel(grey)), BLUR) for sobel in (sobel_h, sobel_v)])
    centred: npt.NDArray[np.float32] = edges - edges.mean(axis=(1, 2), keepdims=True)
    return centred
