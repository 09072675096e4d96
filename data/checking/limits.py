"""Limits of values that a person would write, around those that were measured."""

from math import ceil, floor, log10

# Of normalised data, bytes, instruments of 12 and 16 bits, and computed tomography (HU).
NATURAL = ((0, 1), (-1, 1), (0, 255), (0, 4095), (-1000, 3000), (0, 65535))
MOST = 0.8  # of a natural range: data that span it are meant to fill it
DIGITS = 6  # further digits of a quotient are rounding errors


def proposed(low: float, high: float) -> str:
    """"LO,HI" for --value_range: natural bounds, or outwards to two digits of the width."""
    around = [(a, b) for a, b in NATURAL if a <= low and high <= b]
    for a, b in around:
        if high - low >= MOST * (b - a):
            return f"{a},{b}"
    if low == high:
        a, b = around[0] if around else (floor(low), floor(low) + 1)
        return f"{a},{b}"
    power = floor(log10(high - low)) - 1
    step = 10.0**power
    bottom = floor(round(low / step, DIGITS)) * step
    top = ceil(round(high / step, DIGITS)) * step
    return f"{_short(bottom, power)},{_short(top, power)}"


def _short(value: float, power: int) -> str:
    """As many digits as steps of 10**power need."""
    return f"{round(value, -power):.15g}"
