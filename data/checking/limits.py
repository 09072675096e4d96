"""Propose round limits for the measured values."""

from math import ceil, floor, log10

# Normalised data, bytes, instruments of 12 and 16 bits, and computed tomography (HU).
NATURAL = ((0, 1), (-1, 1), (0, 255), (0, 4095), (-1000, 3000), (0, 65535))
MOST = 0.8  # data that span this part of a natural range are meant to fill it
DIGITS = 6  # digits of a quotient; the others are rounding errors


def proposed(low: float, high: float) -> str:
    """Return "LO,HI" for --value_range: a natural range, or two digits of the width, outwards."""
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
    """Write the value with the digits that steps of 10**power need."""
    return f"{round(value, -power):.15g}"
