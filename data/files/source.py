"""The source of one image: a file, half of a file, or several files to be stacked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from data.files.image_io import read_image, read_size
from data.files.pillow_files import PictureError
from data.files.raster import Raster, stack_rasters


@dataclass(frozen=True)
class Source:
    """``files``: one file, or one for each channel of a stack, in the order of the channels."""

    files: tuple[Path, ...]
    half: Literal["", "left", "right"] = ""  # of a file that holds A | B; "": the whole file

    @property
    def path(self) -> Path:
        """The first file; reports and results are named after it."""
        return self.files[0]

    def __str__(self) -> str:
        names = " + ".join(map(str, self.files))
        return f"{names} ({self.half} half)" if self.half else names

    def read(self, wanted: Sequence[int] = ()) -> Raster:
        """Read all files as one image, with both halves; ``cut`` selects the half.

        ``wanted``: see ``read_image``.

        Raises:
            PictureError: a file cannot be read, or the files differ in size or dtype.
        """
        if len(self.files) > 1:  # the number of channels of each file is unknown
            return stack_rasters([read_image(file) for file in self.files], self.files)
        return read_image(self.path, wanted)

    def cut(self, raster: Raster) -> Raster:
        """Return this source's half. If the width is odd, the right half is one pixel wider."""
        width, height = raster.size
        if self.half and width < 2:
            raise PictureError(f"{self.path} is {width} x {height}; a pair A | B is at least 2 "
                               "pixels wide, remove the file or use another --dataset_mode")
        if not self.half:
            return raster
        columns = slice(width // 2) if self.half == "left" else slice(width // 2, None)
        missing = None if raster.missing is None else raster.missing[:, columns]
        half = replace(raster, pixels=raster.pixels[:, columns], missing=missing)
        return half if missing is None or missing.any() else replace(half, missing=None)

    def read_size(self, wanted: Sequence[int] = ()) -> tuple[int, int]:
        """Return width and height (pixels) from the header of the first file; see ``read``."""
        width, height = read_size(self.path, () if len(self.files) > 1 else wanted)
        halves = {"left": width // 2, "right": width - width // 2}
        return halves.get(self.half, width), height


def read_together(sources: Sequence[Source], wanted: Sequence[int] = ()) -> list[Raster]:
    """Read the images; two halves of one file are read once.

    ``wanted``: the number of channels for each source, if it is known; see ``read_image``.

    Raises:
        PictureError: an image cannot be read.
    """
    whole: dict[tuple[Path, ...], Raster] = {}
    for source in sources:
        if source.files not in whole:
            counts = [count for other, count in zip(sources, wanted, strict=False)
                      if other.files == source.files]
            whole[source.files] = source.read(counts)
    return [source.cut(whole[source.files]) for source in sources]


@dataclass(frozen=True)
class Pair:
    A: Source
    B: Source
