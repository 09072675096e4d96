"""Results that the PNG of a page cannot show whole: deeper than 8 bits, or of many channels."""

from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from data.files import value_range
from data.files.image_io import extension_for
from data.files.raster import Pixels
from data.files.side import Side
from data.record import Record

Write = Callable[[Pixels, Path], object]  # such as data.files.image_io.write_image


def write_deep(write: Write, pixels: Pixels, stem: Path, extension: str) -> Path | None:
    """Write [H, W, C] beside the page's ``<stem>.png``, in ``extension`` or one that can hold it.

    Returns the path; None: the PNG shows all there is.
    """
    if _png_shows(pixels.dtype.name, pixels.shape[2]):
        return None
    found = extension_for(pixels, extension)
    path = stem.with_name(stem.name + (".tif" if found == ".png" else found))  # .png is taken
    write(pixels, path)
    return path


def _png_shows(dtype: str, channels: int) -> bool:
    return dtype == "uint8" and channels in (1, 3)


class DeepResults:
    """Writes outputs as the training's pictures of their side were, where those were deep.

    ``sides``: label of an output -> what the pictures of its side are like.
    """

    def __init__(self, record: Record, sides: Mapping[str, Side]) -> None:
        self._known = {}
        for label, side in sides.items():
            written = record.formats.get(side.letter)
            limits = written and (side.value_range or value_range.of_dtype(written.dtype))
            if written and limits:
                self._known[label] = (written, limits)

    def write(
        self, write: Write, images: Mapping[str, Tensor], stem: Path
    ) -> dict[str, Path]:
        """Label -> [C, H, W] in -1..1; returns label -> file, of those that a PNG cannot show."""
        paths: dict[str, Path] = {}
        for label, (written, limits) in self._known.items():
            if label in images and not _png_shows(written.dtype, len(images[label])):
                pixels = limits.from_tensor(images[label], written.dtype)
                beside = stem.with_name(f"{stem.name}_{label}")
                path = write_deep(write, pixels, beside, written.extension)
                paths |= {label: path} if path else {}
        return paths
