"""The kinds of pictures that Python programs hold, as rasters and back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from data.files.array_files import as_raster
from data.files.image_io import raster_of_pil
from data.files.raster import Pixels, Raster, require_finite


def to_rasters(picture: Any) -> list[Raster]:
    """A PIL image or an array [H, W] or [H, W, C]: one; an array [N, H, W, C]: N of them.

    Raises:
        PictureError: an array of another shape, or with values that are not finite.
        TypeError: another kind of thing.
    """
    if isinstance(picture, Image.Image):
        return [raster_of_pil(picture, source="the picture")]
    if isinstance(picture, np.ndarray):
        arrays = list(picture) if picture.ndim == 4 else [picture]
        require_finite(picture, "the array")
        return [as_raster(array, Path("the array"), colour=_colour(array)) for array in arrays]
    raise TypeError(
        f"cannot translate a {type(picture).__name__}; give a path, a PIL image, a numpy array "
        "[H, W], [H, W, C] or [N, H, W, C], a tensor [C, H, W] or [N, C, H, W], or a list of them"
    )


def like(picture: Any, results: Sequence[Pixels]) -> Any:
    """The translations of ``picture``, as the kind of thing that it is."""
    if isinstance(picture, Image.Image):
        return to_pil(results[0])
    if picture.ndim == 4:
        return np.stack(results)
    return results[0][:, :, 0] if picture.ndim == 2 and results[0].shape[2] == 1 else results[0]


def to_pil(pixels: Pixels) -> Image.Image:
    """Raises ValueError where PIL has no such image: more than 4 channels, or deep colours."""
    plane = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
    try:
        return Image.fromarray(plane)
    except TypeError as error:
        raise ValueError(
            f"PIL has no image of {pixels.shape[2]} channels of {pixels.dtype}; give a numpy array "
            "to get one back, or a path to write to"
        ) from error


def fits_pil(pixels: Pixels) -> bool:
    channels = pixels.shape[2]
    return channels == 1 or (channels <= 4 and pixels.dtype == np.uint8)


def _colour(array: npt.NDArray[Any]) -> str:
    """Arrays of 3 or 4 bytes are taken for colours, as everywhere; "": ``as_raster`` knows."""
    colours = array.ndim == 3 and array.dtype == np.uint8
    return {3: "rgb", 4: "rgba"}.get(array.shape[2], "") if colours else ""
