"""Compare the values of one side of a set with its value range."""

from collections.abc import Iterator, Sequence
from typing import Literal

from data.checking.levels import Levels, merged
from data.checking.limits import proposed, remark_on, small_part, without_marks
from data.files import value_range
from data.files.value_range import ValueRange
from util.text import pluralise

DARK = 1 / 16  # a channel whose highest value is this part of that of another; a mask of 0 and 1
ROUNDED = 1e-4  # of half a range, because flags may have few digits
Fault = tuple[Literal["error", "warning"], str]


def range_faults(
    letter: str, images: Sequence[Levels], given: ValueRange | None
) -> Iterator[Fault]:
    """Yield floating point without a range, clipped values, and ranges that are hardly used.

    ``images``: of side ``letter``; ``given``: its --value_range.
    """
    if text := _two_scales(images):
        yield "warning", f"{letter}: {text}"
        return
    dtypes = sorted({image.dtype for image in images})
    for dtype in dtypes:
        same = [image for image in images if image.dtype == dtype]
        yield from _faults_of_dtype(letter, same, given, is_mixed=len(dtypes) > 1)


def _faults_of_dtype(
    letter: str, images: Sequence[Levels], given: ValueRange | None, *, is_mixed: bool
) -> Iterator[Fault]:
    levels, flag = merged(images), f"--value_range_{letter}="
    low, high, marks = without_marks(levels)
    limits = given or value_range.of_dtype(levels.dtype)
    what = f"{letter}: {pluralise(len(images), f'{levels.stored} image')} with values from "
    found, remark = f"{what}{low:g} to {high:g}", remark_on(marks)
    declared = f" and --nan_value={marks[-1]:g}" if marks else ""
    if limits is None:
        yield ("error", f"{found}{remark}; this type has no range of its own: train with {flag}"
               f"{proposed(low, high, unit=levels.unit)}{declared}, or with the limits of your "
               "instrument")
        return
    slack = ROUNDED * limits.half
    if low < limits.low - slack or high > limits.high + slack:
        yield ("warning", f"{found}{remark}; those outside {limits.low:g} to {limits.high:g} are "
               "clipped")
    elif part := small_part(levels, given):
        whole = f"{limits.low:g} to {limits.high:g}"
        fix = (f"train with {flag}{part.limits}{declared}" if not is_mixed else
               "save all images of this side in one type, because a value range is for all")
        keep = ("" if given or is_mixed else
                f" ({flag}{limits.low:g},{limits.high:g} keeps this contrast)")
        yield ("warning", f"{what}{part.low:g} to {part.high:g}{part.remark}: a small part of "
               f"{whole}, so their contrast is poor; {fix}{keep}")
    elif marks and (levels.dtype == "int16" if given is None else marks[-1] < given.low
                    or marks[-1] > given.high):
        yield ("warning", f"{found}{remark}; --nan_value={marks[-1]:g} leaves such pixels out of "
               "the losses")
    elif dark := [f"channel {number} holds at most {top:g}" for number, top
                  in enumerate(levels.highs, start=1) if 0 < top < DARK * max(levels.highs)]:
        yield ("warning", f"{letter}: {', '.join(dark)}, others up to {max(levels.highs):g}; a "
               "value range is for all channels, so save them over the same range")


def _two_scales(images: Sequence[Levels]) -> str:
    """Return a sentence about masks of which some hold 0 and 1 and others 0 and 255, or ""."""
    ones = sum(image.few == frozenset((0.0, 1.0)) for image in images)
    others = sum(image.few == frozenset((0.0, 255.0)) for image in images)
    blank = sum(image.low == image.high for image in images)
    if not ones or not others or ones + others + blank < len(images):
        return ""
    return (f"{pluralise(ones, 'image')} of 0 and 1, but {others} of 0 and 255; save all of them "
            "with the same values")
