"""An image that was decoded as a whole, read box by box like a large TIFF."""

from data.files.raster import Pixels, Raster
from inference.tiles.box import Box


class WholeReader:
    """Has the interface of ``TiffReader``; holds the pixels in the dtype of the file."""

    def __init__(self, raster: Raster) -> None:
        self.shape = raster.pixels.shape
        self.dtype = raster.pixels.dtype
        self.colour, self.nodata = raster.colour, raster.nodata
        self._pixels = raster.pixels

    def __enter__(self) -> "WholeReader":
        return self

    def __exit__(self, *_: object) -> None:
        """Release nothing: no file is open."""

    def read(self, box: Box) -> Pixels:
        """Return [h, w, C]; the box lies inside the image."""
        return self._pixels[box.rows, box.columns]
