"""Which axis of an array holds the channels: the last, as here, or the first, as in PyTorch."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.files.reading import PictureError, log_once

Array = npt.NDArray[Any]
_FEW = 4  # channels of colours; most images have more rows and columns


def channels_last(array: Array, path: Path, wanted: Sequence[int] = ()) -> Array:
    """Return [H, W] or [H, W, C] as a view, without the batch axis of [1, H, W, C].

    ``wanted``: the numbers of channels that users of the image need; () if unknown. [C, H, W] is
    turned if only that fits them, or if C is small for an axis of pixels and ``wanted`` is unknown
    or fits neither axis. Other shapes are returned as they are.

    Raises:
        PictureError: both axes fit ``wanted``; or the array is a batch of several images.
    """
    original = list(array.shape)
    while array.ndim > 3 and 1 in (array.shape[0], array.shape[-1]):
        array = array[0] if array.shape[0] == 1 else array[..., 0]
    if array.ndim == 4:
        raise PictureError(f"{path} holds {len(array)} images, an array of shape {original}; save "
                           f"one image in each file: for i, image in enumerate(numpy.load("
                           f"{str(path)!r})): numpy.save(f'{path.stem}_{{i}}.npy', image)")
    if array.ndim != 3:
        return array
    first, last = (_fit(array.shape[axis], wanted, array.dtype) for axis in (0, 2))
    if first and last and first >= last and len(set(array.shape)) > 1:
        raise PictureError(f"{path} holds an array of shape {original}, which may be [H, W, C] or "
                           f"[C, H, W]; if it is [C, H, W], turn it: {turning(str(path))}; if it "
                           "is [H, W, C], save it as TIFF")
    unclear = not first and not last
    if (looks_channels_first(array.shape) if unclear else first > last):
        log_once(f"%s: arrays of shape {original} are read as [C, H, W], and turned to [H, W, C]",
                 path)
        array = array.transpose(1, 2, 0)
    return array


def pages_last(pages: Array, path: Path, wanted: Sequence[int] = ()) -> Array:
    """Return [H, W, C] for pages [C, H, W]; for [H, W, C] written as pages, return it unchanged.

    The second is assumed if only the last axis fits ``wanted``; see ``channels_last``.
    """
    first, last = (_fit(pages.shape[axis], wanted, pages.dtype) for axis in (0, 2))
    unclear = not first and not last
    if (looks_channels_first(pages.shape[::-1]) if unclear else last == 2 and not first):
        log_once(f"%s: {len(pages)} pages of {pages.shape[2]} x {pages.shape[1]} (width x height) "
                 "are read as one array [H, W, C]", path)
    else:
        pages = pages.transpose(1, 2, 0)
    return pages


def looks_channels_first(shape: Sequence[int]) -> bool:
    """Return True if the first axis is much shorter than the others."""
    first, rows, columns = shape
    return first <= _FEW < min(rows, columns) or 4 * first <= min(rows, columns)


def turning(file: str) -> str:
    """Return the line of Python that turns [C, H, W] in a file to [H, W, C]."""
    if file.lower().endswith(".npz"):
        return (f"numpy.savez({file!r}, next(iter(numpy.load({file!r}).values()))"
                ".transpose(1, 2, 0))")
    return f"numpy.save({file!r}, numpy.load({file!r}).transpose(1, 2, 0))"


def ways_to_convert(name: str, channels: int, count: int, *, in_training: bool) -> str:
    """Return "" or how to make ``count`` channels of the ``channels`` in the file ``name``.

    ``in_training``: the network can be given another count; that is advised elsewhere.
    """
    if name == "the picture":  # an argument of a Python program
        return "; if its first axis holds the channels: array.transpose(1, 2, 0)"
    if name.lower().endswith((".npy", ".npz")):
        return f"; if its first axis holds the channels: {turning(name)}"
    path = Path(name)
    if in_training or not path.is_file() or (channels < count and count != 3):
        return ""
    kept = count if channels > count else 1
    folder = path.parent.resolve()
    copies = folder.with_name(f"{folder.name}_{kept}")
    which = f"the first {kept} channels" if kept > 1 else "the first channel or page, as grey"
    code = ("from data.files.channels.selection import keep_channels; "
            f"keep_channels({str(folder)!r}, {str(copies)!r}, {list(range(kept))})")
    return (f", or train a network with --input_nc {channels}. To use {which}, run this in the "
            f"folder of test.py, and then give --dataroot {shlex.quote(str(copies))}: "
            f"python -c {shlex.quote(code)}")


def _fit(count: int, wanted: Sequence[int], dtype: npt.DTypeLike) -> int:
    """Return 2 if all have this count, 1 if it can be converted (see ``as_channels``), else 0."""
    def fit(number: int) -> int:
        grey_of_colour = number == 1 and count == 3 and dtype == np.uint8
        colour_of_grey = number == 3 and count == 1
        return 2 if count == number else int(grey_of_colour or colour_of_grey)

    return min(map(fit, wanted), default=0)
