"""One translated image, in memory and as the pixels of a file."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from data.files.metadata import Metadata, with_nodata
from data.files.raster import Mask, Pixels
from data.files.tags.read_tags import read_metadata
from data.files.value_range import ValueRange
from data.record import Format


@dataclass(frozen=True)
class TranslatedImage:
    """``image`` [c, H, W] in -1..1; ``pixels`` [H, W, c] in the dtype of ``format``.

    ``image`` is on the device of the network. ``limits``: black and white in ``pixels``.
    ``missing``: bool [H, W], True where the input has no value in any channel; None: nowhere.
    """

    image: Tensor
    pixels: Pixels
    format: Format
    limits: ValueRange
    missing: Mask | None = None

    @property
    def with_nan(self) -> Pixels:
        """Return ``pixels``; floating point has NaN where values are missing."""
        if self.missing is None or self.pixels.dtype.kind != "f":
            return self.pixels
        return with_nodata(self.pixels, self.missing, np.nan)

    def metadata(self, path: Path, *, whole: bool = True) -> Metadata:
        """Return what the result's file gets from the input ``path``; see ``read_metadata``."""
        size = self.pixels.shape[1], self.pixels.shape[0]
        return replace(read_metadata(path, size, whole=whole), missing=self.missing,
                       nodata=self.format.nodata)
