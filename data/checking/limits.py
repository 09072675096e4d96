"""Find images that use a small part of a value range, and propose round limits for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

import numpy as np

from data.checking.levels import Levels
from data.files.value_range import LEVELS, ValueRange, of_dtype

NARROW = 0.25  # part of a value range; photos use more
# Bytes are photos in most sets, and a dark photo is no fault. So bytes need a further sign of
# numbers that are not brightness: very few values, or few values in areas of one value.
FEWEST = 8  # values; grey images with so few are label maps or nearly black
FEW_NARROW = 0.6  # part of 0..255 for these: labels 0 and 128 use half
# Shares of equal neighbours, and of steps of more than 1 among the others. Measured on facades as
# class indices, of 64 to 256 pixels: 0.67 to 0.97 and 0.71 to 0.89; on photos of five sets,
# darkened to 0..40 and further: at most 0.84 and 0.5, where 0.7 are equal at most 0.45.
FLAT, JUMPS = 0.7, 0.5
VERY_FLAT = 0.96  # drawings of edges2shoes, darkened: at most 0.94
# Parts of the range of the others. A value that this far from them marks missing pixels.
GAP, GAP_OF_LABELS, GAP_ABOVE = 0.2, 2.0, 1.0
GAP_OF_FLOATS = 0.5  # they often have few distinct values in a small image
DENSE = 0.3  # class indices with 255 for "ignore" use at least this part of the numbers below

# Normalised data, bytes, and computed tomography (HU); and the part of it that data span.
NATURAL = (((0, 1), 0.8), ((-1, 1), 0.8), ((0, 255), 0.8), ((0, 4095), 0.8),
           ((-1000, 3000), 0.8), ((0, 65535), 0.8))
# Instruments of 10, 12 and 14 bits, and computed tomography as scanners write it.
HOUNSFIELD = (-1024, 3071)
INSTRUMENTS = (((0, 1023), 0.5), ((0, 4095), 0.4), ((0, 16383), 0.8), (HOUNSFIELD, 1 / 3))
DIGITS = 6  # digits of a quotient; the others are rounding errors


@dataclass(frozen=True)
class SmallPart:
    """The values that are used, a small part of a range; ``missing``: marks of missing pixels."""

    low: float
    high: float
    limits: str  # LO,HI to give
    missing: tuple[float, ...] = ()

    @property
    def as_range(self) -> ValueRange:
        return ValueRange(*map(float, self.limits.split(",")))

    @property
    def remark(self) -> str:
        """Return "" or a remark about the marks of missing pixels."""
        return remark_on(self.missing)


def remark_on(marks: Sequence[float]) -> str:
    """Return "" or a remark about ``marks`` of missing pixels."""
    values = " and ".join(f"{value:g}" for value in marks)
    return f", without {values}, which looks like a mark of missing pixels" if marks else ""


def small_part(levels: Levels, given: ValueRange | None = None) -> SmallPart | None:
    """Return the values if they use a small part of the range: ``given``, or that of the type.

    Return None if the range of the type is given, if all values are equal, or for floating point
    without a range.
    """
    whole = of_dtype(levels.dtype)
    limits = given or whole
    low, high, missing = without_marks(levels)
    if limits is None or given == whole or low == high:
        return None
    few = None if levels.few is None else levels.few - set(missing)
    bottom = low
    if whole and 0 < low <= high / 2:
        bottom = 0.0  # the first class, or black, may be missing in a sample
    if few is not None:
        text = f"{bottom:g},{high:g}"
    else:
        text = proposed(bottom, high, integers=levels.dtype != "float32", unit=levels.unit)
    part = (high - bottom) / (limits.high - limits.low)
    is_small = part < NARROW
    if limits == LEVELS and levels.dtype == "uint8":
        is_label_map = few is not None and (len(few) <= FEWEST or _has_areas(levels))
        wide_labels = few is not None and len(few) <= FEWEST and levels.grey
        is_small = is_label_map and part < (FEW_NARROW if wide_labels else NARROW)
    return SmallPart(low, high, text, missing) if is_small else None


def _has_areas(levels: Levels) -> bool:
    return levels.flat >= VERY_FLAT or (levels.flat >= FLAT and levels.jumps >= JUMPS)


def without_marks(levels: Levels) -> tuple[float, float, tuple[float, ...]]:
    """Return the lowest and the highest value, and values far from them that mark missing pixels.

    Such marks are negative numbers (-2000, -32768), the highest number of the type, and 9999.
    """
    lowest, highest = list(levels.lowest), list(levels.highest)
    missing: list[float] = []
    is_float = levels.dtype == "float32"
    gap = GAP_OF_FLOATS if is_float else GAP if levels.few is None else GAP_OF_LABELS
    while lowest[1:] and lowest[0] < (-1 if is_float else 0) and lowest[0] == int(lowest[0]) and (
        lowest[1] - lowest[0] >= gap * (highest[-1] - lowest[1]) > 0
    ):
        missing.append(lowest.pop(0))
    if not is_float and highest[2:] and highest[-1] in (np.iinfo(levels.dtype).max, 9999):
        rest = highest[-2] - lowest[0]
        if highest[-1] - highest[-2] >= GAP_ABOVE * rest > 0 and _is_dense(levels, rest):
            missing.append(highest.pop())
    return lowest[0], highest[-1], tuple(missing)


def _is_dense(levels: Levels, rest: float) -> bool:
    """Return False for bytes that are not class indices: 0, 128 and 255 are three greys."""
    if levels.dtype != "uint8":
        return True
    return levels.few is not None and len(levels.few) - 1 >= DENSE * (rest + 1)


def proposed(low: float, high: float, *, integers: bool = False, unit: str = "") -> str:
    """Return "LO,HI" for --value_range: a natural range, or two digits of the width, outwards.

    ``integers``: the numbers are those of an instrument, if they fit one. ``unit``: "HU" proposes
    the 12 bits of computed tomography, if they hold the values.
    """
    if unit == "HU" and HOUNSFIELD[0] <= low and high <= HOUNSFIELD[1]:
        return "{},{}".format(*HOUNSFIELD)
    natural = NATURAL + INSTRUMENTS if integers else NATURAL
    around = [(limits, part) for limits, part in natural if limits[0] <= low and high <= limits[1]]
    for (a, b), part in around:
        if high - low >= part * (b - a):
            return f"{a},{b}"
    if low == high:
        a, b = around[0][0] if around else (floor(low), floor(low) + 1)
        return f"{a},{b}"
    power = floor(log10(high - low)) - 1
    step = 10.0**power
    bottom = floor(round(low / step, DIGITS)) * step
    top = ceil(round(high / step, DIGITS)) * step
    return f"{_short(bottom, power)},{_short(top, power)}"


def _short(value: float, power: int) -> str:
    """Write the value with the digits that steps of 10**power need."""
    return f"{round(value, -power):.15g}"
