"""What the images of a training were: ``pictures.json`` in the folder of its run.

A network does not say whether its output was 16-bit TIFF; the files that it learned from did.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from data.files.image_io import read_size
from data.files.raster import Pixels
from data.files.source import Source
from data.files.value_range import ValueRange
from util.files import write_text

NAME = "pictures.json"
_LOOKED_AT = 50  # files with pairs side by side whose shape is looked at
_TOLERANCE = 0.02  # of width / height: one pixel of 50


@dataclass(frozen=True)
class Format:
    """Of one file: ``dtype`` as numpy calls it, ``extension`` with its dot."""

    dtype: str
    extension: str

    @classmethod
    def of(cls, pixels: Pixels, path: Path) -> "Format":
        return cls(pixels.dtype.name, path.suffix.lower())


@dataclass(frozen=True)
class Record:
    """``formats``: of A and B. Of files that hold A | B ``pair_size`` is (width, height), where all
    are alike, and ``pair_ratio`` width / height, from the least to the greatest; None: A and B were
    files of their own.
    """

    formats: Mapping[str, Format] = field(default_factory=dict)
    pair_ratio: tuple[float, float] | None = None
    pair_size: tuple[int, int] | None = None

    def is_pair(self, size: tuple[int, int]) -> bool:
        """Whether a single file of this width and height is a pair like those of the training.

        Where all of them had one size, a file of another is not: it may be a wide image.
        """
        return size == self.pair_size if self.pair_size else self.looks_like_pair(size)

    def looks_like_pair(self, size: tuple[int, int]) -> bool:
        """Whether it is as wide for its height as the pairs of the training."""
        if self.pair_ratio is None:
            return False
        ratio, (least, greatest) = size[0] / size[1], self.pair_ratio
        return least * (1 - _TOLERANCE) <= ratio <= greatest * (1 + _TOLERANCE)

    def format_for(
        self, letter: str, given: Format, limits: ValueRange | None = None
    ) -> Format:
        """How the translation of a file of format ``given`` into side ``letter`` is written.

        Where A and B were alike, as the input is; otherwise as the target was. With ``limits``, a
        range of values that the user gave, the numbers mean something: they are never squeezed into
        a type that cannot hold them.
        """
        written = self._format_of_pair(letter, given)
        if limits and not limits.fits(written.dtype):
            target = self.formats.get(letter, written)
            dtype = target.dtype if limits.fits(target.dtype) else "float32"
            return Format(dtype, written.extension)
        return written

    def _format_of_pair(self, letter: str, given: Format) -> Format:
        target, source = self.formats.get(letter), self.formats.get("B" if letter == "A" else "A")
        if target is None or source is None:
            return given
        return Format(
            given.dtype if target.dtype == source.dtype else target.dtype,
            given.extension if target.extension == source.extension else target.extension,
        )


def record_formats(examples: Mapping[str, Sequence[Source]]) -> Record:
    """Side -> its images: decodes the first of each, and reads the sizes of 50 files."""
    formats = {
        letter: Format.of(sources[0].read().pixels, sources[0].path)
        for letter, sources in examples.items()
    }
    halved = [source for source in examples.get("A", []) if source.half][:_LOOKED_AT]
    sizes = [read_size(source.path) for source in halved]
    if not sizes:
        return Record(formats)
    ratios = [width / height for width, height in sizes]
    return Record(formats, (min(ratios), max(ratios)), sizes[0] if len(set(sizes)) == 1 else None)


def save_record(record: Record, run_dir: Path) -> None:
    write_text(run_dir / NAME, json.dumps(asdict(record), indent=2) + "\n")


def load_record(run_dir: Path) -> Record:
    """An empty record where the run left none.

    Raises:
        ValueError: the file is damaged.
    """
    path = run_dir / NAME
    if not path.is_file():
        return Record()
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        formats = {letter: Format(**words) for letter, words in saved["formats"].items()}
        ratio, size = saved["pair_ratio"], saved["pair_size"]
        return Record(
            formats,
            (float(ratio[0]), float(ratio[1])) if ratio else None,
            (int(size[0]), int(size[1])) if size else None,
        )
    except (json.JSONDecodeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(
            f"{path} is damaged ({error!r}); delete it: outputs are then written like the inputs"
        ) from error
