"""Parts of TIFF files that are too large for memory: read and written box by box.

    with TiffReader(path) as picture, create_tiff(copy, picture.shape, picture.dtype) as result:
        result.write(box, picture.read(box))
"""

import math
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from data.files.pillow_files import PictureError
from data.files.raster import Pixels
from inference.tiles.box import Box
from util.files import replacing
from util.packages import package_for

if TYPE_CHECKING:
    from tifffile import TiffPage

DTYPES = ("uint8", "uint16", "int16", "float32")
# Decoded segments of the file that are kept: the next box may need the same ones.
CACHE_BYTES = 256 * 2**20


class TiffReader:
    """The only picture of a TIFF, or the first of a pyramid: [H, W, C] of one of ``DTYPES``.

    ``colour`` is what ``as_raster`` takes.

    Uncompressed files are read in place. Of compressed ones the tiles or strips that a box touches
    are decoded; a file that is one single strip is decoded whole.

    Raises:
        PictureError: no TIFF, or one of a kind that is not read here.
    """

    def __init__(self, path: Path, cache_bytes: int = CACHE_BYTES) -> None:
        self.path = path
        tifffile = package_for(path, "tifffile")
        try:
            self._file = tifffile.TiffFile(path)
        except tifffile.TiffFileError as error:
            raise PictureError(f"{path}: {error}; wanted a TIFF file") from error
        try:
            page = self._file.pages.first
            _refuse_others(path, page)
            # A pyramid goes on with smaller copies; equal pages are channels, or a volume.
            if len(self._file.pages) > 1 and self._file.pages[1].shape == page.shape:
                raise PictureError(f"{path} has several pages; split it, or read it whole")
        except BaseException:
            self._file.close()
            raise
        self._page = page
        self.shape = (page.imagelength, page.imagewidth, page.samplesperpixel)
        self.dtype = np.dtype(page.dtype)
        rgb = _name(page.photometric) in ("RGB", "YCBCR")
        self.colour = {3: "rgb", 4: "rgba"}.get(page.samplesperpixel, "bands") if rgb else ""
        self._cache: OrderedDict[int, Pixels] = OrderedDict()
        self._cache_bytes = cache_bytes

    def __enter__(self) -> "TiffReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, box: Box) -> Pixels:
        """[h, w, C]; the box lies inside the picture."""
        if box != box.cut(Box(0, 0, *self.shape[:2])) or box.height < 1 or box.width < 1:
            raise ValueError(
                f"{self.path}: {box} is not inside a picture of {self.shape[1]} x {self.shape[0]}"
            )
        if self._page.is_memmappable:
            # A map of its own for each box: pages of a kept one would fill the memory.
            whole = np.memmap(
                self.path, dtype=self._file.byteorder + self.dtype.char, mode="r",
                offset=self._page.dataoffsets[0], shape=self.shape,
            )
            return whole[box.rows, box.columns].astype(self.dtype)
        pixels = np.empty((box.height, box.width, self.shape[2]), self.dtype)
        for index, segment in self._segments(box):
            common = segment.cut(box)
            to, source = common.seen_from(box), common.seen_from(segment)
            decoded = self._segment(index, segment)
            pixels[to.rows, to.columns] = decoded[source.rows, source.columns]
        return pixels

    def _segments(self, box: Box) -> list[tuple[int, Box]]:
        """The tiles or strips that the box touches, with their numbers."""
        height, width = self.shape[:2]
        rows, columns = self._page.chunks[:2]
        across = -(-width // columns)
        return [
            (y * across + x, Box(y * rows, x * columns, min((y + 1) * rows, height),
                                 min((x + 1) * columns, width)))
            for y in range(box.top // rows, -(-box.bottom // rows))
            for x in range(box.left // columns, -(-box.right // columns))
        ]

    def _segment(self, index: int, segment: Box) -> Pixels:
        """Decoded, or kept from an earlier box."""
        if index in self._cache:
            self._cache.move_to_end(index)
        else:
            self._cache[index] = self._decode_segment(index, segment)
        kept = sum(pixels.nbytes for pixels in self._cache.values())
        while len(self._cache) > 1 and kept > self._cache_bytes:
            kept -= self._cache.popitem(last=False)[1].nbytes
        return self._cache[index]

    def _decode_segment(self, index: int, segment: Box) -> Pixels:
        page, handle = self._page, self._file.filehandle
        handle.seek(page.dataoffsets[index])
        coded = handle.read(page.databytecounts[index])
        try:
            decoded = page.decode(coded or None, index, jpegtables=page.jpegtables)[0]
        except Exception as error:  # whatever a codec raises about bytes that are no picture
            raise PictureError(
                f"{self.path}: {segment} cannot be decoded ({_name(page.compression)}): {error}"
            ) from error
        if decoded is None:  # a hole of a sparse file
            return np.zeros((segment.height, segment.width, self.shape[2]), self.dtype)
        return np.array(np.asarray(decoded)[0, : segment.height, : segment.width], self.dtype)


def _refuse_others(path: Path, page: "TiffPage") -> None:
    found, colours = "", _name(page.photometric)
    kind = "unknown" if page.dtype is None else np.dtype(page.dtype).name
    if kind not in DTYPES or page.bitspersample not in (8, 16, 32):
        found = f"{page.bitspersample} bits of kind {kind}, wanted {', '.join(DTYPES)}"
    elif page.planarconfig != 1 and page.samplesperpixel > 1:
        found = "channels one after the other (planar), wanted pixel by pixel (contiguous)"
    elif page.imagedepth != 1:
        found = f"a volume of {page.imagedepth} layers, wanted one picture"
    elif colours not in ("MINISBLACK", "RGB", "YCBCR"):
        found = f"colours of kind {colours}, wanted grey (MINISBLACK) or RGB"
    elif colours == "YCBCR" and _name(page.compression) not in ("JPEG", "OJPEG"):
        found = "colours of kind YCBCR outside of JPEG, wanted grey or RGB"
    elif page.tags.valueof("Orientation", default=1) != 1:
        found = "a picture to be turned or mirrored (tag Orientation), wanted an upright one"
    if found:
        raise PictureError(f"{path} has {found}; convert it, or read it whole")


def _name(value: int) -> str:
    """Of a code in the file; the number where tifffile knows no name."""
    return str(getattr(value, "name", value))


@contextmanager
def create_tiff(
    path: Path, shape: tuple[int, int, int], dtype: np.dtype[Any]
) -> Iterator["TiffWriter"]:
    """An uncompressed TIFF to be written box by box in any order; at ``path`` when it is whole.

    ``shape`` is (H, W, C); three channels are RGB, four with alpha. What nobody writes is 0. From
    2 GB on it is a BigTIFF. An exception inside the ``with`` leaves no file.
    """
    if np.dtype(dtype).name not in DTYPES:
        raise ValueError(f"{path}: cannot write {dtype}, wanted {', '.join(DTYPES)}")
    channels = shape[2]
    with replacing(path) as aside:
        # As one strip, so that every row has a known place. Only the header is written.
        start_and_size = package_for(path, "tifffile").imwrite(
            aside, shape=shape if channels > 1 else shape[:2], dtype=dtype,
            photometric="rgb" if channels in (3, 4) else "minisblack",
            planarconfig="contig" if channels > 1 else None, metadata=None,
            extrasamples=["unassalpha"] if channels == 4 else None, returnoffset=True,
            bigtiff=math.prod(shape) * np.dtype(dtype).itemsize > 2**31 - 2**20,
        )
        assert start_and_size is not None
        with aside.open("r+b") as file:
            yield TiffWriter(file, start_and_size[0], shape, np.dtype(dtype))


@dataclass(frozen=True)
class TiffWriter:
    """Comes from ``create_tiff``. ``start``: where in ``file`` the pixels begin, in bytes."""

    file: IO[bytes]
    start: int
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]

    def write(self, box: Box, pixels: Pixels) -> None:
        """``pixels`` [h, w, C] at the box."""
        height, width, channels = self.shape
        if box != box.cut(Box(0, 0, height, width)):
            raise ValueError(f"{box} is not inside a picture of {width} x {height}")
        wanted = (box.height, box.width, channels)
        if pixels.shape != wanted or pixels.dtype != self.dtype:
            raise ValueError(
                f"a TIFF of {self.dtype} needs {wanted} for {box}, got {pixels.dtype} "
                f"{pixels.shape}"
            )
        for row, values in zip(range(box.top, box.bottom), pixels, strict=True):
            place = (row * width + box.left) * channels * self.dtype.itemsize
            self.file.seek(self.start + place)
            self.file.write(values.tobytes())
