"""The formats of the training images, saved as ``pictures.json`` in the run folder.

A network does not contain whether its outputs should be 16-bit TIFF; its training files show it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from data.files.image_io import read_size
from data.files.raster import Raster
from data.files.source import Source
from data.files.value_range import ValueRange
from util.disk.content import extension_of
from util.disk.text_files import read_json
from util.files import write_text

NAME = "pictures.json"
_CHECKED = 50  # files with pairs side by side whose header is read
_TOLERANCE = 0.02  # of width / height: one pixel in 50


@dataclass(frozen=True)
class Format:
    """The format of one file: its numpy ``dtype``, and its ``extension`` with the dot.

    ``nodata``: the number that means "no value" in the file, if it names one.
    """

    dtype: str
    extension: str
    nodata: float | None = None

    @classmethod
    def of(cls, raster: Raster, path: Path) -> "Format":
        return cls(raster.pixels.dtype.name, extension_of(path), raster.nodata)


@dataclass(frozen=True)
class Record:
    """``formats`` of A and B.

    If files hold A | B, ``pair_ratio`` is the range of width / height, and ``pair_size`` is (width,
    height) if all files have one size. Both are None if A and B were separate files.
    """

    formats: Mapping[str, Format] = field(default_factory=dict)
    pair_ratio: tuple[float, float] | None = None
    pair_size: tuple[int, int] | None = None

    def is_pair(self, size: tuple[int, int]) -> bool:
        """Return True if a single file of this width and height is a pair like the training's.

        If all training pairs had one size, a file of another size may be a wide image instead.
        """
        return size == self.pair_size if self.pair_size else self.looks_like_pair(size)

    def looks_like_pair(self, size: tuple[int, int]) -> bool:
        """Return True if width / height is that of the training pairs."""
        if self.pair_ratio is None:
            return False
        ratio, (least, greatest) = size[0] / size[1], self.pair_ratio
        return least * (1 - _TOLERANCE) <= ratio <= greatest * (1 + _TOLERANCE)

    def format_for(self, letter: str, given: Format, limits: ValueRange | None = None) -> Format:
        """Return the format for the translation of a ``given`` file into side ``letter``.

        It is the format of the input if A and B were alike, otherwise that of the target. With
        ``limits``, a value range given by the user, the dtype is that of the target if it can hold
        the limits: masks of 0 and 1 stay bytes. If the target is unknown, the input's dtype needs
        256 levels.
        """
        output, target = self._format_of_pair(letter, given), self.formats.get(letter)
        if limits is None:
            return output
        usable = limits.is_within(target.dtype) if target else limits.fits(output.dtype)
        dtype = (target or output).dtype if usable else "float32"
        return replace(output, dtype=dtype)

    def _format_of_pair(self, letter: str, given: Format) -> Format:
        target, source = self.formats.get(letter), self.formats.get("B" if letter == "A" else "A")
        if target is None or source is None:
            return given
        return Format(given.dtype if target.dtype == source.dtype else target.dtype,
                      given.extension if target.extension == source.extension else target.extension,
                      given.nodata if target.nodata is None else target.nodata)


def record_formats(examples: Mapping[str, Sequence[Source]]) -> Record:
    """Decode the first image of each side, read up to 50 headers, and return the record."""
    formats = {letter: Format.of(sources[0].read(), _example_path(sources))
               for letter, sources in examples.items()}
    halved = [source for source in examples.get("A", []) if source.half][:_CHECKED]
    sizes = [read_size(source.path) for source in halved]
    if not sizes:
        return Record(formats)
    ratios = [width / height for width, height in sizes]
    return Record(formats, (min(ratios), max(ratios)), sizes[0] if len(set(sizes)) == 1 else None)


def _example_path(sources: Sequence[Source]) -> Path:
    """Return the first file, or of several formats the first TIFF: it has tags for the place."""
    tiffs = (source.path for source in sources[:_CHECKED]
             if source.path.suffix.lower() in (".tif", ".tiff"))
    return next(tiffs, sources[0].path)


def save_record(record: Record, run_dir: Path) -> None:
    write_text(run_dir / NAME, json.dumps(asdict(record), indent=2) + "\n")


def load_record(run_dir: Path) -> Record:
    """Return the record of a run; an empty one if the run has none.

    Raises:
        ValueError: the file is damaged.
    """
    path = run_dir / NAME
    if not path.exists():
        return Record()
    advice = "delete it: outputs are then written like the inputs"
    saved = read_json(path, advice=advice)
    try:
        formats = {letter: Format(**entry) for letter, entry in saved["formats"].items()}
        ratio, size = saved["pair_ratio"], saved["pair_size"]
        return Record(formats, (float(ratio[0]), float(ratio[1])) if ratio else None,
                      (int(size[0]), int(size[1])) if size else None)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise ValueError(f"{path} is damaged ({error!r}); {advice}") from error
