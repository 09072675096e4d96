"""Convert the images of Python programs (PIL, numpy) to rasters and back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch import Tensor

from data.files.array_files import as_raster
from data.files.image_io import raster_of_pil
from data.files.metadata import Metadata
from data.files.raster import Pixels, Raster, mark_missing


def to_rasters(image: Any) -> list[Raster]:
    """Convert a PIL image or an array [H, W] or [H, W, C] to one raster, [N, H, W, C] to N.

    Raises:
        PictureError: an array of another shape.
        TypeError: an object of another type.
    """
    if isinstance(image, Image.Image):
        return [raster_of_pil(image, source="the picture")]
    if isinstance(image, np.ndarray):
        arrays = list(image) if image.ndim == 4 else [image]
        name = Path("the array")
        return [mark_missing(as_raster(array, name, colour=_colour(array))) for array in arrays]
    raise TypeError(f"cannot translate a {type(image).__name__}; give a path, a PIL image, a numpy "
                    "array [H, W], [H, W, C] or [N, H, W, C], a tensor [C, H, W] or [N, C, H, W], "
                    "or a list of them")


def as_batch(image: Tensor) -> Tensor:
    """Return a tensor [C, H, W] or [N, C, H, W] as [N, C, H, W]; raise TypeError for integers."""
    if not image.is_floating_point():
        raise TypeError(f"a tensor must be floating point in -1..1, got {image.dtype}; "
                        "give a numpy array [H, W, C] for grey levels")
    return image if image.ndim == 4 else image[None]


def as_type_of(image: Any, results: Sequence[Pixels]) -> Any:
    """Convert the translations of ``image`` to the type and the number of axes of ``image``."""
    if isinstance(image, Image.Image):
        result = to_pil(results[0])
        # ``save`` writes the profile.
        if icc := Metadata(icc=image.info.get("icc_profile") or b"").icc_for(results[0]):
            result.info["icc_profile"] = icc
        return result
    if image.ndim == 4:
        return np.stack(results)
    return results[0][:, :, 0] if image.ndim == 2 and results[0].shape[2] == 1 else results[0]


def to_pil(pixels: Pixels) -> Image.Image:
    """Convert [H, W, C]; raise ValueError for pixels that PIL does not support.

    These are more than 4 channels, and colours of more than 8 bits.
    """
    plane = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
    try:
        return Image.fromarray(plane)
    except TypeError as error:
        raise ValueError(f"PIL has no image of {pixels.shape[2]} channels of {pixels.dtype}; give "
                         "a numpy array to get one back, or a path to write to") from error


def _colour(array: npt.NDArray[Any]) -> str:
    """Return rgb or rgba for arrays of 3 or 4 bytes per pixel; "": ``as_raster`` decides."""
    has_colours = array.ndim == 3 and array.dtype == np.uint8
    return {3: "rgb", 4: "rgba"}.get(array.shape[2], "") if has_colours else ""
