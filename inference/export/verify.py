"""Compare an exported file, run in its own runtime, with the network in PyTorch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.files.raster import Pixels
from inference.export.base_file import Runner
from inference.export.small_weights import WeightFormat

LARGEST_SIDE = 512  # pixels; larger images are cropped
SMALL_SIDE = 45
REPORTED = 7  # differences listed in a report: those of two images

# Maximum difference in grey levels (1/255): the order of sums differs between runtimes, and
# rounding can turn this into a whole level. The difference of int8 is reported, not limited.
LIMITS: dict[WeightFormat, float] = {"float32": 1.0, "half": 2.0, "int8": math.inf}


@dataclass(frozen=True)
class Difference:
    """The difference between outputs of the file and of PyTorch, in grey levels (1/255)."""

    width: int
    height: int
    batch: int
    largest: float
    mean: float
    psnr: float  # dB; inf: equal

    def __str__(self) -> str:
        batch = f", batch of {self.batch}" if self.batch > 1 else ""
        return (f"{self.width} x {self.height}{batch}: maximum {self.largest:.3g}, mean "
                f"{self.mean:.3g} grey levels, PSNR {self.psnr:.1f} dB")


def three_sizes(image: Pixels) -> list[Pixels]:
    """Return the image [H, W, C], a part of odd sides, and a small version (every n-th pixel)."""
    whole = image[:LARGEST_SIDE, :LARGEST_SIDE]
    height, width = whole.shape[:2]
    step = max(1, -(-max(height, width) // SMALL_SIDE))
    part = whole[: max(1, height * 2 // 3 - 1), : max(1, width // 2 + 1)]
    return [np.ascontiguousarray(pixels) for pixels in (whole, part, whole[::step, ::step])]


def compare(
    run: Runner, reference: Runner, images: Sequence[Pixels], *, output_range: tuple[float, float]
) -> list[Difference]:
    """Compare at three sizes of each image [H, W, C], and the last as a batch of two."""
    batches = [pixels[None] for image in images for pixels in three_sizes(image)]
    last = batches[-1]
    batches.append(np.concatenate([last, np.ascontiguousarray(last[:, ::-1])]))
    level = (output_range[1] - output_range[0]) / 255
    return [_difference(batch, run(batch), reference(batch), level) for batch in batches]


def _difference(batch: Pixels, output: Pixels, wanted: Pixels, level: float) -> Difference:
    if output.shape != wanted.shape or output.dtype != wanted.dtype:
        raise ValueError(f"the exported file returns {output.dtype} {list(output.shape)} for "
                         f"{list(batch.shape)}, PyTorch {wanted.dtype} {list(wanted.shape)}")
    errors = np.abs(output.astype(np.float64) - wanted.astype(np.float64)) / level
    mse = float(np.square(errors).mean())
    psnr = math.inf if mse == 0 else 10 * math.log10(255**2 / mse)
    count, height, width = batch.shape[:3]
    return Difference(width, height, count, float(errors.max()), float(errors.mean()), psnr)


def report_lines(differences: Sequence[Difference]) -> list[str]:
    """Return a line for each of the first differences, and a line for all of them."""
    largest = max(difference.largest for difference in differences)
    mean = sum(difference.mean for difference in differences) / len(differences)
    psnr = min(difference.psnr for difference in differences)
    return [*map(str, differences[:REPORTED]),
            f"all {len(differences)} comparisons: maximum {largest:.3g}, mean {mean:.3g} grey "
            f"levels, lowest PSNR {psnr:.1f} dB"]


def require_within_limits(differences: Sequence[Difference], weights: WeightFormat) -> None:
    """Raise ValueError if a difference exceeds the limit of the weight format, or is NaN."""
    limit = LIMITS[weights]
    bad = [difference for difference in differences if not difference.largest <= limit]
    if bad:
        worst = max(bad, key=lambda difference: np.nan_to_num(difference.largest, nan=math.inf))
        raise ValueError(f"the exported file differs from PyTorch by more than {limit:g} grey "
                         f"levels and was not kept ({worst}); try another --to, or other "
                         "--pictures if these have only one colour: then norms amplify rounding "
                         "errors")
