"""Proof that an exported file does what the network does, in its own runtime."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from data.files.raster import Pixels
from inference.export.base_file import Run
from inference.export.small_weights import Weights

LARGEST = 512  # pixels a side; larger pictures are cut to it
SMALLEST = 45
SHOWN = 7  # differences in a report: those of two pictures

# In grey levels of 255: the order of sums differs between runtimes, and rounding makes a whole
# level of it. 8 bits are reported, not judged.
LIMITS: dict[Weights, float] = {"float32": 1.0, "half": 2.0, "int8": math.inf}


@dataclass(frozen=True)
class Difference:
    """Between a file's output and PyTorch's, in grey levels (1/255 of the range)."""

    width: int
    height: int
    batch: int
    largest: float
    mean: float
    psnr: float  # dB; inf: equal

    def __str__(self) -> str:
        pictures = f", batch of {self.batch}" if self.batch > 1 else ""
        return (
            f"{self.width} x {self.height}{pictures}: maximum {self.largest:.3g}, mean "
            f"{self.mean:.3g} grey levels, PSNR {self.psnr:.1f} dB"
        )


def three_sizes(picture: Pixels) -> list[Pixels]:
    """The picture [H, W, C] itself, an odd part of it, and a small version (every n-th pixel)."""
    whole = picture[:LARGEST, :LARGEST]
    height, width = whole.shape[:2]
    step = max(1, -(-max(height, width) // SMALLEST))
    part = whole[: max(1, height * 2 // 3 - 1), : max(1, width // 2 + 1)]
    return [np.ascontiguousarray(one) for one in (whole, part, whole[::step, ::step])]


def compare(
    run: Run, reference: Callable[[Pixels], Pixels], pictures: Sequence[Pixels], *,
    output_range: tuple[float, float],
) -> list[Difference]:
    """At three sizes of each picture [H, W, C], as batches of one; the last as a batch of two."""
    batches = [one[None] for picture in pictures for one in three_sizes(picture)]
    last = batches[-1]
    batches.append(np.concatenate([last, np.ascontiguousarray(last[:, ::-1])]))
    level = (output_range[1] - output_range[0]) / 255
    differences = []
    for batch in batches:
        made, wanted = run(batch), reference(batch)
        if made.shape != wanted.shape or made.dtype != wanted.dtype:
            raise ValueError(
                f"the exported file makes {made.dtype} {list(made.shape)} of "
                f"{list(batch.shape)}, PyTorch {wanted.dtype} {list(wanted.shape)}"
            )
        off = np.abs(made.astype(np.float64) - wanted.astype(np.float64)) / level
        error = float(np.square(off).mean())
        psnr = math.inf if error == 0 else 10 * math.log10(255**2 / error)
        count, height, width = batch.shape[:3]
        differences.append(
            Difference(width, height, count, float(off.max()), float(off.mean()), psnr)
        )
    return differences


def lines(differences: Sequence[Difference]) -> list[str]:
    """The first of them, and what holds for all."""
    largest = max(one.largest for one in differences)
    mean = sum(one.mean for one in differences) / len(differences)
    return [
        *map(str, differences[:SHOWN]),
        f"all {len(differences)} comparisons: maximum {largest:.3g}, mean {mean:.3g} grey levels, "
        f"lowest PSNR {min(one.psnr for one in differences):.1f} dB",
    ]


def judge(differences: Sequence[Difference], weights: Weights) -> None:
    """Raises ValueError where the file differs by more than its weights explain; NaN does."""
    worst = max(differences, key=lambda one: math.inf if math.isnan(one.largest) else one.largest)
    if not worst.largest <= LIMITS[weights]:
        raise ValueError(
            f"the exported file differs from PyTorch by more than {LIMITS[weights]:g} grey levels "
            f"and was not kept ({worst}); try another --to, or other --pictures if these are of "
            "one colour: their statistics make rounding errors large"
        )
