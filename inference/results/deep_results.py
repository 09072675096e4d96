"""Results that the PNG of a page cannot hold.

They have more than 8 bits per channel, other than 1 or 3 channels, or bytes with a value range of
their own: the page shows masks of 0 and 1 as black and white.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from torch import Tensor

from data.files import value_range
from data.files.image_io import extension_for, write_image
from data.files.metadata import Metadata
from data.files.raster import Mask
from data.files.side import Side
from data.files.value_range import LEVELS, ValueRange
from data.record import Record
from inference.translated_image import TranslatedImage
from util.threads import FileWriters


def write_deep(
    writers: FileWriters, result: TranslatedImage, stem: Path, metadata: Metadata
) -> Path | None:
    """Write a result beside the page's ``<stem>.png``, in its format or in one that fits.

    Return the path, or None if the PNG on the page holds the same numbers.
    """
    pixels = result.pixels
    if _png_holds(pixels.dtype.name, pixels.shape[2], result.limits):
        return None
    suffix = extension_for(pixels, result.format.extension)
    suffix = ".tif" if suffix == ".png" else suffix  # <stem>.png is the image on the page
    path = stem.with_name(stem.name + suffix)
    writers.write(partial(write_image, metadata=metadata), pixels, path)
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

    @property
    def has_bytes_only(self) -> bool:
        """Return whether no output needs more than 8 bits."""
        return all(written.dtype == "uint8" for written, _ in self._formats.values())

    def write(
        self, writers: FileWriters, images: Mapping[str, Tensor], stem: Path,
        missing: Mapping[str, Mask] = MappingProxyType({}),
        sources: Mapping[str, Path] = MappingProxyType({})
    ) -> dict[str, Path]:
        """Write the images (label -> [C, H, W] in -1..1) that need it; return label -> file.

        ``missing``: label -> bool [H, W], True where the input has no value. ``sources``: the files
        of the model's A and B.
        """
        paths: dict[str, Path] = {}
        for label, (written, limits) in self._formats.items():
            if label in images and not _png_holds(written.dtype, len(images[label]), limits):
                pixels = limits.from_tensor(images[label], written.dtype)
                beside = stem.with_name(f"{stem.name}_{label}")
                result = TranslatedImage(images[label], pixels, written, limits, missing.get(label))
                metadata = Metadata(result.missing, written.nodata)
                if given := sources.get("A" if label.endswith("B") else "B"):
                    metadata = result.metadata(given)
                path = write_deep(writers, result, beside, metadata)
                paths |= {label: path} if path else {}
        return paths
