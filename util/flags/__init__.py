"""Strict argparse types: a bad value is refused at the command line, with what was wanted."""

from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable
from operator import gt

from util.flags import limits
from util.flags.limits import offset
from util.flags.numbers import (
    degrees,
    finite_float,
    fraction,
    positive_float,
    rate,
    ratio,
    weight,
    whole_number,
)
from util.flags.words import any_path, epoch, host, run_name, switch, word

__all__ = [
    "AUTO", "any_path", "colour_jitter", "count_or_auto", "degrees", "epoch", "finite_float",
    "fraction", "gpu_list", "host", "int_or_unlimited", "limits", "nan_value", "non_negative_int",
    "on_off_auto", "one_of", "positions", "positive_float", "positive_int", "rate", "ratio",
    "run_name", "seed", "sides", "suffixes", "switch", "tile_side", "value_range", "weight", "word",
    "zoom",
]


def positive_int(text: str) -> int:
    return whole_number(text, 1)


def non_negative_int(text: str) -> int:
    return whole_number(text, 0)


AUTO = "auto"


def count_or_auto(text: str) -> int | str:
    """Accept ``auto``, or a number of processes from 0 to 1024."""
    return AUTO if text == AUTO else whole_number(text, 0, 1024, "processes")


def on_off_auto(text: str) -> bool | str:
    """Accept ``on`` (True), ``off`` (False) and ``auto``."""
    values: dict[str, bool | str] = {"on": True, "off": False, AUTO: AUTO}
    if text not in values:
        raise ArgumentTypeError(f"must be on, off or auto, got {text!r}")
    return values[text]


def seed(text: str) -> int:
    """Accept what torch's generators take: 0 to 2**63 - 1."""
    return whole_number(text, 0)


def int_or_unlimited(text: str) -> int | None:
    """Accept a count >= 1, or ``inf`` for no limit (None)."""
    return None if text == "inf" else positive_int(text)


def tile_side(text: str) -> int | str | None:
    """Accept ``auto``, a number of pixels, or 0 for no tiles (None)."""
    return "auto" if text == "auto" else offset(text) or None


def value_range(text: str) -> tuple[float, float]:
    """Convert ``LO,HI`` to two numbers with LO < HI."""
    low, high = _two_numbers(text, example="0,4095")
    if low >= high:
        raise ArgumentTypeError(f"must have LO below HI, got {text!r}")
    return low, high


def nan_value(text: str) -> tuple[float, float]:
    """Convert ``V``, or ``VA,VB``, to the numbers for A and B."""
    parts = text.split(",")
    if len(parts) > 2 or "" in parts:
        raise ArgumentTypeError(f"must be V for both sides, or VA,VB, got {text!r}")
    numbers = [finite_float(part) for part in parts]
    return numbers[0], numbers[-1]


def zoom(text: str) -> tuple[float, float]:
    """Convert ``LO,HI`` to two scale factors with 0 < LO <= HI."""
    low, high = _two_numbers(text, example="0.9,1.1")
    if low <= 0:
        raise ArgumentTypeError(f"must be > 0, got {text}")
    if high > 100:
        raise ArgumentTypeError(f"must be at most 100, got {text}")
    if low > high:
        raise ArgumentTypeError(f"must not have LO above HI, got {text!r}")
    return low, high


def _two_numbers(text: str, *, example: str) -> tuple[float, float]:
    parts = text.split(",")
    if len(parts) != 2:
        raise ArgumentTypeError(f"must be LO,HI such as {example}, got {text!r}")
    return finite_float(parts[0]), finite_float(parts[1])


def colour_jitter(text: str) -> tuple[float, ...]:
    """Convert ``B,C,S,H`` to four strengths; omitted ones are 0.

    Brightness, contrast and saturation are in 0..1, hue is in 0..0.5.
    """
    strengths = [weight(part) for part in text.split(",")]
    highest = (1, 1, 1, 0.5)
    if len(strengths) > 4 or any(map(gt, strengths, highest)):
        raise ArgumentTypeError("must be up to four numbers for brightness, contrast, saturation "
                                "(0 to 1) and hue (0 to 0.5), such as 0.2,0.2,0.2,0.05, got "
                                f"{text!r}")
    return tuple(strengths + [0.0] * (4 - len(strengths)))


def sides(text: str) -> str:
    """Accept ``A``, ``B``, ``AB``, or "" for neither."""
    if text not in ("", "A", "B", "AB"):
        raise ArgumentTypeError(f"must be A, B or AB, got {text!r}")
    return text


def one_of(names: Iterable[str]) -> Callable[[str], str]:
    """Return a type that ignores underscores and case in one of ``names``: cyclegan, unet256."""
    canonical = {name.replace("_", "").lower(): name for name in names}

    def name(text: str) -> str:
        return canonical.get(text.replace("_", "").lower(), text)

    return name


def gpu_list(text: str) -> list[int]:
    """Convert ``0`` or ``0,1`` to device numbers, and ``-1`` to [] (the CPU)."""
    try:
        ids = [int(part) for part in text.split(",")]
    except ValueError:
        raise ArgumentTypeError(f"must be a comma list such as 0,1 or -1, got {text!r}") from None
    if ids == [-1]:
        return []
    if min(ids) < 0 or len(set(ids)) != len(ids):
        raise ArgumentTypeError(f"must be different numbers >= 0, or -1 for the CPU, got {text!r}")
    return ids


def positions(text: str) -> tuple[int, ...]:
    """Convert ``0,4,8`` to different whole numbers >= 0, in the given order."""
    numbers = tuple(non_negative_int(part) for part in text.split(","))
    if len(set(numbers)) != len(numbers):
        raise ArgumentTypeError(f"must be different positions such as 0,4,8, got {text!r}")
    return numbers


def suffixes(text: str) -> tuple[str, ...]:
    """Convert ``_r,_nir`` to different suffixes of file names (before the extension), "" to ()."""
    ends = tuple(part.strip() for part in text.split(",")) if text.strip() else ()
    if not all(ends) or len(set(ends)) != len(ends) or "/" in text:
        raise ArgumentTypeError("must be different, non-empty suffixes such as _r,_nir, got "
                                f"{text!r}")
    return ends
