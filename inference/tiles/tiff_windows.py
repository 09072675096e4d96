"""Read and write parts of TIFF files that are too large for memory, box by box.

    with TiffReader(path) as reader, create_tiff(copy, reader.shape, reader.dtype) as writer:
        writer.write(box, reader.read(box))

tifffile alone can read windows in two ways. Measured on RGB images of 8,000 x 8,000 pixels, read
twice in boxes of up to 1,024 pixels: zarr over ``aszarr()`` decodes a segment again for each box
(LZW strips: 38 s and 16 MB, here 2 s and 192 MB; one deflated strip: 172 s, here 2 s); a memory map
of ``asarray(out=file)`` needs more memory (deflated tiles: 411 MB, here 192 MB) and the disk space
of a second uncompressed image. Both also read planar files, which are refused here.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np

from data.files.channels.tiff_pages import colour_of, main_series, open_tiff
from data.files.metadata import NODATA
from data.files.pillow_files import PictureError
from data.files.raster import Pixels
from data.files.reading import reading
from data.files.tiff_files import nodata_of, require_complete
from inference.tiles.box import Box
from inference.tiles.readable_tiff import DTYPES, name_of, refuse_others, require_segment_size
from util.files import replacing
from util.packages import package_for

# Decoded segments (tiles or strips) that are kept: the next box may need the same ones.
CACHE_BYTES = 256 * 2**20


class TiffReader:
    """The only image of a TIFF, or the first of a pyramid: [H, W, C] of one of ``DTYPES``.

    ``colour`` is an argument of ``as_raster``. Uncompressed files are read in place. In other files
    the segments that a box touches are decoded; a file with a single strip is decoded as a whole.

    Raises:
        PictureError: not a TIFF file, or of a kind that is not supported here.
    """

    def __init__(self, path: Path, cache_bytes: int = CACHE_BYTES) -> None:
        self.path = path
        self._tifffile = package_for(path, "tifffile")
        self._file: Any = None
        try:
            with reading(path):
                self._file = open_tiff(path)
                page = self._checked_page()
        except PictureError:
            if self._file:
                self._file.close()
            raise
        self._page = page
        self.shape = (page.imagelength, page.imagewidth, page.samplesperpixel)
        self.dtype = np.dtype(page.dtype)
        self.nodata = nodata_of(page.tags.valueof(NODATA))
        self.colour = colour_of(page, page.samplesperpixel)
        segment_bytes = math.prod(page.chunks) * self.dtype.itemsize
        self._segment = lru_cache(max(1, cache_bytes // segment_bytes))(self._decode_segment)

    def _checked_page(self) -> Any:
        series = main_series(self._file, self.path)  # without the smaller pages of a pyramid
        page = series[0].keyframe
        refuse_others(self.path, page)
        require_complete(page, self.path)
        if len(series) > 1 or len(series[0].pages) > 1:
            raise PictureError(f"{self.path} has several pages; split it, or read it whole")
        return page

    def __enter__(self) -> "TiffReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._segment.cache_clear()
        self._file.close()

    def read(self, box: Box) -> Pixels:
        """Return [h, w, C]; the box lies inside the image."""
        height, width, channels = self.shape
        if box != box.clipped(Box(0, 0, width, height)) or box.height < 1 or box.width < 1:
            raise ValueError(f"{self.path}: {box} is not inside an image of {width} x {height}")
        pixels = np.empty((box.height, box.width, channels), self.dtype)
        with reading(self.path):
            if self._page.is_memmappable:
                # A new map for each box: the pages of an open map would fill the memory.
                whole = self._tifffile.memmap(self.path, page=self._page.index, mode="r")
                whole = whole.reshape(self.shape)
                pixels[:] = whole[box.rows, box.columns]
                return pixels
            for index, segment in self._segments(box):
                common = segment.clipped(box)
                to, source = common.relative_to(box), common.relative_to(segment)
                decoded = self._segment(index, segment)
                pixels[to.rows, to.columns] = decoded[source.rows, source.columns]
        return pixels

    def _segments(self, box: Box) -> list[tuple[int, Box]]:
        """Return the segments that the box touches, with their numbers."""
        (height, width), (rows, columns) = self.shape[:2], self._page.chunks[:2]
        across = -(-width // columns)
        return [(y * across + x, Box(x * columns, y * rows, min((x + 1) * columns, width),
                                     min((y + 1) * rows, height)))
                for y in range(box.top // rows, -(-box.bottom // rows))
                for x in range(box.left // columns, -(-box.right // columns))]

    def _decode_segment(self, index: int, segment: Box) -> Pixels:
        page, handle = self._page, self._file.filehandle
        handle.seek(page.dataoffsets[index])
        coded = handle.read(page.databytecounts[index])
        require_segment_size(coded, page, self.path)
        try:
            decoded = page.decode(coded or None, index, jpegtables=page.jpegtables)[0]
        except Exception as error:  # a codec may raise anything if the data are damaged
            what = f"{segment} cannot be decoded ({name_of(page.compression)})"
            raise PictureError(f"{self.path}: {what}: {error}") from error
        if decoded is None:  # a hole in a sparse file
            return np.zeros((segment.height, segment.width, self.shape[2]), self.dtype)
        return np.array(np.asarray(decoded)[0, : segment.height, : segment.width], self.dtype)


@contextmanager
def create_tiff(
    path: Path, shape: tuple[int, int, int], dtype: np.dtype[Any],
    tags: Mapping[str, Any] | None = None
) -> Iterator["TiffWriter"]:
    """Create an uncompressed TIFF to be written box by box; rename it when it is complete.

    ``shape`` is (H, W, C); three channels are RGB, four are RGB with alpha. Unwritten pixels are 0.
    From 2 GB on it is a BigTIFF. An exception inside the ``with`` leaves no file. ``tags``: further
    arguments of ``tifffile.imwrite``.
    """
    if np.dtype(dtype).name not in DTYPES:
        raise ValueError(f"{path}: cannot write {dtype}, wanted {', '.join(DTYPES)}")
    channels = shape[2]
    with replacing(path) as partial:
        # One strip, so that the offset of every row is known. This writes only the header.
        offset_and_size = package_for(path, "tifffile").imwrite(
            partial, shape=shape if channels > 1 else shape[:2], dtype=dtype,
            photometric="rgb" if channels in (3, 4) else "minisblack",
            planarconfig="contig" if channels > 1 else None, metadata=None,
            extrasamples=["unassalpha"] if channels == 4 else None, returnoffset=True,
            bigtiff=math.prod(shape) * np.dtype(dtype).itemsize > 2**31 - 2**20,
            **tags or {},
        )
        assert offset_and_size is not None
        with partial.open("r+b") as file:
            yield TiffWriter(file, offset_and_size[0], shape, np.dtype(dtype))


@dataclass(frozen=True)
class TiffWriter:
    """Writes boxes; made by ``create_tiff``. ``offset``: of the first pixel in ``file`` (bytes)."""

    file: IO[bytes]
    offset: int
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]

    def write(self, box: Box, pixels: Pixels) -> None:
        """Write ``pixels`` [h, w, C] at the box."""
        height, width, channels = self.shape
        if box != box.clipped(Box(0, 0, width, height)):
            raise ValueError(f"{box} is not inside an image of {width} x {height}")
        wanted = (box.height, box.width, channels)
        if pixels.shape != wanted or pixels.dtype != self.dtype:
            found = f"{pixels.dtype} {pixels.shape}"
            raise ValueError(f"a TIFF of {self.dtype} needs {wanted} for {box}, got {found}")
        # Not a memory map: on a full disk, writing to one ends the process without an error.
        for row, values in zip(range(box.top, box.bottom), pixels, strict=True):
            start = (row * width + box.left) * channels * self.dtype.itemsize
            self.file.seek(self.offset + start)
            self.file.write(values.tobytes())
