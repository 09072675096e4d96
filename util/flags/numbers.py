"""Types of whole numbers and of floats for argparse: an error names what was found and wanted."""

import math
from argparse import ArgumentTypeError
from collections.abc import Callable

MOST = 2**63 - 1  # what torch's files and generators hold


def whole_number(text: str, lowest: int, highest: int = MOST, unit: str = "") -> int:
    """Convert a whole number from ``lowest`` to ``highest``; ``unit``: for the error.

    Raises:
        ArgumentTypeError: it is not such a number.
    """
    try:
        value = int(text)
    except ValueError:
        raise ArgumentTypeError(f"must be a whole number, got {text!r}") from None
    if value < lowest:
        raise ArgumentTypeError(f"must be >= {lowest}, got {value}")
    if value > highest:
        limit = f"at most {highest:,} ({unit})" if unit else f"at most {highest:,}"
        most = "< 2**63" if highest == MOST else limit
        raise ArgumentTypeError(f"must be {most}, got {value}")
    return value


def from_to(lowest: int, highest: int, unit: str) -> Callable[[str], int]:
    """Return a type for whole numbers from ``lowest`` to ``highest``."""

    def number(text: str) -> int:
        return whole_number(text, lowest, highest, unit)

    return number


def finite_float(text: str) -> float:
    """Convert a number that is neither NaN nor infinite; otherwise raise ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        raise ArgumentTypeError(f"must be a number, got {text!r}") from None
    if not math.isfinite(value):
        raise ArgumentTypeError(f"must be finite, got {text!r}")
    return value


def positive_float(text: str) -> float:
    """Accept a number above 0, at most a million."""
    value = finite_float(text)
    if value <= 0:
        raise ArgumentTypeError(f"must be > 0, got {text}")
    return _at_most(1e6, value, text)


def rate(text: str) -> float:
    """Accept a learning rate; larger ones than 1000 overflow in the first steps."""
    return _at_most(1000, positive_float(text), text)


def ratio(text: str) -> float:
    """Accept a quotient of two sides from 0.01 to 100."""
    value = positive_float(text)
    if value < 0.01:
        raise ArgumentTypeError(f"must be at least 0.01, got {text}")
    return _at_most(100, value, text)


def weight(text: str) -> float:
    """Accept a loss weight from 0 to a million; zero switches the term off."""
    value = finite_float(text)
    if value < 0:
        raise ArgumentTypeError(f"must be >= 0, got {text}")
    return _at_most(1e6, value, text)


def fraction(text: str) -> float:
    """Accept 0 <= value < 1, such as Adam's momentum."""
    value = finite_float(text)
    if not 0 <= value < 1:
        raise ArgumentTypeError(f"must be in 0 <= x < 1, got {text}")
    return value


def degrees(text: str) -> float:
    """Accept an angle from 0 to 180 degrees."""
    value = finite_float(text)
    if not 0 <= value <= 180:
        raise ArgumentTypeError(f"must be in 0 <= x <= 180 (degrees), got {text}")
    return value


def _at_most(highest: float, value: float, text: str) -> float:
    if value > highest:
        raise ArgumentTypeError(f"must be at most {highest:,.0f}, got {text}")
    return value
