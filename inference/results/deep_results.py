"""Results that the PNG of a page cannot hold.

These are more than 8 bits per channel, other than 1 or 3 channels, and bytes with a value range of
their own: the page shows masks of 0 and 1 as black and white.
"""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from data.files import value_range
from data.files.image_io import extension_for, write_image
from data.files.raster import Pixels
from data.files.side import Side
from data.files.value_range import LEVELS, ValueRange
from data.record import Record
from util.threads import FileWriters


def write_deep(
    writers: FileWriters, pixels: Pixels, stem: Path, *, extension: str, limits: ValueRange
) -> Path | None:
    """Write [H, W, C] beside the page's ``<stem>.png``, as ``extension`` or a type that fits.

    ``limits``: black and white in ``pixels``. Return the path, or None if the PNG on the page holds
    the same numbers.
    """
    if _png_holds(pixels.dtype.name, pixels.shape[2], limits):
        return None
    suffix = extension_for(pixels, extension)
    suffix = ".tif" if suffix == ".png" else suffix  # <stem>.png is the image on the page
    path = stem.with_name(stem.name + suffix)
    writers.write(write_image, pixels, path)
    return path


def _png_holds(dtype: str, channels: int, limits: ValueRange) -> bool:
    return dtype == "uint8" and channels in (1, 3) and limits == LEVELS


class DeepResults:
    """Writes outputs in the file format of the training data, if a page's PNG cannot hold them.

    ``sides``: label of an output -> the side of the data set whose format it gets.
    """

    def __init__(self, record: Record, sides: Mapping[str, Side]) -> None:
        self._formats = {}
        for label, side in sides.items():
            written = record.formats.get(side.letter)
            limits = written and (side.value_range or value_range.of_dtype(written.dtype))
            if written and limits:
                self._formats[label] = (written, limits)

    def write(
        self, writers: FileWriters, images: Mapping[str, Tensor], stem: Path
    ) -> dict[str, Path]:
        """Write the images (label -> [C, H, W] in -1..1) that need it; return label -> file."""
        paths: dict[str, Path] = {}
        for label, (written, limits) in self._formats.items():
            if label in images and not _png_holds(written.dtype, len(images[label]), limits):
                pixels = limits.from_tensor(images[label], written.dtype)
                beside = stem.with_name(f"{stem.name}_{label}")
                path = write_deep(writers, pixels, beside, extension=written.extension,
                                  limits=limits)
                paths |= {label: path} if path else {}
        return paths
