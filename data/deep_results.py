"""Results that the PNG of a page cannot show whole: deeper than 8 bits, or of many channels."""

from pathlib import Path

from torch import Tensor

from data import value_range
from data.image_io import extension_for, write_image
from data.raster import Pixels
from data.record import Record
from data.value_range import ValueRange


def needs_file(pixels: Pixels) -> bool:
    return pixels.dtype.name != "uint8" or pixels.shape[2] not in (1, 3)


def write_deep(
    image: Tensor, stem: Path, *, letter: str, record: Record, limits: ValueRange | None
) -> Path | None:
    """Write [C, H, W] in -1..1 as the training's pictures of side ``letter`` were.

    The path is ``stem`` with their extension; None: the page's PNG shows all there is.
    """
    written = record.formats.get(letter)
    found = limits or (value_range.of_dtype(written.dtype) if written else None)
    if written is None or found is None:
        return None
    pixels = found.from_tensor(image, written.dtype)
    if not needs_file(pixels):
        return None
    path = stem.with_name(stem.name + extension_for(pixels, written.extension))
    write_image(pixels, path)
    return path
