"""What the images of one side of a set, A or B, are like, and how they become tensors."""

from dataclasses import dataclass

from torch import Tensor

from data.files import value_range
from data.files.pillow_files import PictureError
from data.files.raster import Pixels, Raster, as_channels
from data.files.source import Source
from data.files.value_range import ValueRange


@dataclass(frozen=True)
class Side:
    """``channels`` of every image; ``value_range``: of every file, None: that of its dtype.

    ``labels``: colours are names of things, and must not be mixed.
    """

    letter: str  # A or B
    channels: int
    value_range: ValueRange | None = None
    labels: bool = False

    def read(self, source: Source) -> Pixels:
        """The image [H, W, channels] in its own dtype.

        Raises:
            PictureError: unreadable, or not of these channels, or without a range.
        """
        return self.convert(source.cut(source.read()), source=source)

    def convert(self, raster: Raster, *, source: object) -> Pixels:
        """``read``, of an image that is there; ``source`` is named in errors."""
        pixels = as_channels(raster, self.channels, source=source)
        if self.range_of(pixels) is None:
            raise PictureError(
                f"{source} holds {pixels.dtype} from {pixels.min():g} to {pixels.max():g}, a type "
                f"without a range of its own: say which values are black and white with "
                f"--value_range_{self.letter} LO,HI (in Python value_range_{self.letter}=(LO, HI))"
            )
        return pixels

    def range_of(self, pixels: Pixels) -> ValueRange | None:
        return self.value_range or value_range.of_dtype(pixels.dtype)

    def to_tensor(self, pixels: Pixels) -> Tensor:
        """What ``read`` returned, [H, W, C] -> float32 [C, H, W] in -1..1."""
        found = self.range_of(pixels)
        assert found is not None  # read refuses pixels without
        return found.to_tensor(pixels)
