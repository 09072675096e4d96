"""The format of one side of a set, A or B, and how its images become tensors."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from data.files import value_range
from data.files.pillow_files import PictureError
from data.files.raster import Pixels, Raster, as_channels
from data.files.source import Source, read_together
from data.files.value_range import ValueRange


@dataclass(frozen=True)
class Side:
    """``channels`` and ``value_range`` of every image; None: the range of the file's dtype.

    ``channels_flag``: the flag that sets ``channels``, for errors; "" if a network is given.
    ``labels``: the colours are names of classes and must not be mixed by interpolation.
    """

    letter: str  # A or B
    channels: int
    value_range: ValueRange | None = None
    labels: bool = False
    channels_flag: str = ""

    def read(self, source: Source) -> Pixels:
        """Read and ``convert`` one image."""
        return self.convert(source.cut(source.read()), source=source)

    def convert(self, raster: Raster, *, source: object) -> Pixels:
        """Return the image as [H, W, channels] in its own dtype; errors name ``source``.

        Raises:
            PictureError: it cannot have these channels, or has no value range.
        """
        pixels = as_channels(raster, self.channels, source=source, flag=self.channels_flag)
        if self.range_of(pixels) is None:
            raise PictureError(f"{source} holds {pixels.dtype} from {pixels.min():g} to "
                               f"{pixels.max():g}, a type without a range of its own: give the "
                               f"values that mean black and white with --value_range_{self.letter} "
                               f"LO,HI (in Python value_range_{self.letter}=(LO, HI))")
        return pixels

    def range_of(self, pixels: Pixels) -> ValueRange | None:
        return self.value_range or value_range.of_dtype(pixels.dtype)

    def to_tensor(self, pixels: Pixels) -> Tensor:
        """Map converted pixels [H, W, C] to float32 [C, H, W] in -1..1."""
        limits = self.range_of(pixels)
        assert limits is not None  # ``convert`` refuses pixels without a range
        return limits.to_tensor(pixels)


def read_row(sides: Sequence[Side], sources: Sequence[Source]) -> tuple[list[Raster], list[Pixels]]:
    """Read one image for each side; return them as they are in the files, and converted.

    Raises:
        PictureError: an image cannot be read, or ``Side.convert`` refuses it.
    """
    rasters = read_together(sources)
    triples = zip(sides, rasters, sources, strict=True)
    return rasters, [side.convert(raster, source=source) for side, raster, source in triples]
