"""Results that a PNG cannot show: more than 8 bits per channel, or other than 1 or 3 channels."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from data.files import value_range
from data.files.image_io import extension_for, write_image
from data.files.raster import Pixels
from data.files.side import Side
from data.record import Record
from util.threads import FileWriters


def write_deep(writers: FileWriters, pixels: Pixels, stem: Path, *, extension: str) -> Path | None:
    """Write [H, W, C] beside the page's ``<stem>.png``, as ``extension`` or a type that fits.

    Return the path, or None if the PNG on the page shows everything.
    """
    if _png_shows(pixels.dtype.name, pixels.shape[2]):
        return None
    suffix = extension_for(pixels, extension)
    suffix = ".tif" if suffix == ".png" else suffix  # <stem>.png is the image on the page
    path = stem.with_name(stem.name + suffix)
    writers.write(write_image, pixels, path)
    return path


def _png_shows(dtype: str, channels: int) -> bool:
    return dtype == "uint8" and channels in (1, 3)


class DeepResults:
    """Writes outputs in the file format of the training data, if a PNG cannot show them.

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
            if label in images and not _png_shows(written.dtype, len(images[label])):
                pixels = limits.from_tensor(images[label], written.dtype)
                beside = stem.with_name(f"{stem.name}_{label}")
                path = write_deep(writers, pixels, beside, extension=written.extension)
                paths |= {label: path} if path else {}
        return paths
