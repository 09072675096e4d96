"""Names of result files, on a results page and in a folder that the user chose.

A name that leaves no room for what follows it, such as ``_real_A.png``, is cut and gets a hash.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.discovery.folders import is_picture
from data.discovery.inputs import Input
from util.disk.file_names import EXTENSION_ROOM, shorten, without_extension

# Bytes for "_", the label of an image and its extension. The same for all labels of all runs, so
# that input, output and target of an image keep a common start, and runs can be compared.
_LABEL_ROOM = 32


def room_for_labels(name: str) -> str:
    """Return the path ``name`` on a results page, with its last part cut if it is too long."""
    above, slash, last = name.rpartition("/")
    return above + slash + shorten(last, room=_LABEL_ROOM)


@dataclass(frozen=True)
class OutputFolder:
    """Holds ``<name>.png``, or ``<name>_1.png``, ``<name>_2.png``, ... for several samples."""

    folder: Path
    samples: int = 1

    def stem(self, source: Input, sample: int = 0) -> Path:
        """Return the path of a result without its extension."""
        number = f"_{sample + 1}" if self.samples > 1 else ""
        name = shorten(source.name.name, room=len(number) + EXTENSION_ROOM)
        return self.folder / source.name.parent / f"{name}{number}"

    def without_result(self, inputs: Sequence[Input]) -> list[Input]:
        """Return the inputs for which a result is missing here, in any format."""
        if not self.folder.is_dir():
            return list(inputs)
        existing = {path.with_suffix("") for path in self.folder.rglob("*") if is_picture(path)}
        return [item for item in inputs if not existing.issuperset(self._stems(item))]

    def refuse_to_overwrite(self, inputs: Sequence[Input]) -> None:
        """Raise ValueError if a result would lie beside an input, under the same name."""
        # Unlike Path.resolve, realpath accepts links to themselves.
        files = {without_extension(Path(os.path.realpath(file))): file
                 for item in inputs for file in item.source.files}
        for item in inputs:
            for stem in self._stems(item):
                if file := files.get(stem.resolve()):
                    raise ValueError(f"--output_dir {self.folder}: the translation of "
                                     f"{item.source} would lie beside {file} under the same name; "
                                     "give another folder")

    def _stems(self, source: Input) -> list[Path]:
        return [self.stem(source, sample) for sample in range(self.samples)]


class ResultNames:
    """Names results after the paths of their inputs, without extension.

    A name is the path inside the data set, so equal names in two sub-folders stay apart. Names
    that would still collide (x.jpg and x.png, or one image paired with two) get a number: x, x-2.
    """

    def __init__(self, dataroot: Path, phase: str) -> None:
        self.roots = [dataroot / phase, dataroot / f"{phase}A", dataroot / f"{phase}B", dataroot]
        self._taken: dict[str, int] = {}  # name -> how many names were taken before it

    def of(self, path: Path) -> str:
        """Return a name that no earlier call has returned."""
        root = next((root for root in self.roots if path.is_relative_to(root)), path.parent)
        plain = room_for_labels(without_extension(path.relative_to(root)).as_posix())
        name, number = plain, 1
        while name in self._taken:
            number += 1
            name = f"{plain}-{number}"
        self._taken[name] = len(self._taken)
        return name

    def position(self, name: str) -> int:
        """Return how many names were given before ``name``."""
        return self._taken[name]
