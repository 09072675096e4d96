"""Names of result files: on a results page, and in a folder that the user chose."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.discovery.inputs import Input
from util.folders import is_picture


@dataclass(frozen=True)
class OutputFolder:
    """``<name>.png``, or ``<name>_1.png``, ``<name>_2.png``, ... for several samples."""

    folder: Path
    samples: int = 1

    def stem(self, one: Input, sample: int = 0) -> Path:
        """The path of a result without its extension."""
        number = f"_{sample + 1}" if self.samples > 1 else ""
        return self.folder / one.name.with_name(one.name.name + number)

    def without_result(self, inputs: Sequence[Input]) -> list[Input]:
        """Those of which a result is lacking here, in whatever format."""
        if not self.folder.is_dir():
            return list(inputs)
        there = {path.with_suffix("") for path in self.folder.rglob("*") if is_picture(path)}
        return [
            one for one in inputs
            if any(self.stem(one, sample) not in there for sample in range(self.samples))
        ]

    def refuse_to_overwrite(self, inputs: Sequence[Input]) -> None:
        """Raises ValueError where a result would lie beside an input, under the same name."""
        all_files = (file for one in inputs for file in one.source.files)
        files = {file.resolve().with_suffix(""): file for file in all_files}
        for one in inputs:
            for sample in range(self.samples):
                file = files.get(self.stem(one, sample).resolve())
                if file:
                    raise ValueError(
                        f"--output_dir {self.folder}: the translation of {one.source} would lie "
                        f"beside {file} under the same name; give another folder"
                    )


class ResultNames:
    """Input path -> name of its results, without ending.

    The name is the path inside the data set, so equal names in two sub-folders stay apart. What
    would still collide (x.jpg and x.png, or one picture paired with two) is numbered: x, x-2.
    """

    def __init__(self, dataroot: Path, phase: str) -> None:
        self.roots = [dataroot / phase, dataroot / f"{phase}A", dataroot / f"{phase}B", dataroot]
        self.taken: set[str] = set()

    def of(self, path: Path) -> str:
        root = next((root for root in self.roots if path.is_relative_to(root)), path.parent)
        plain = path.relative_to(root).with_suffix("").as_posix()
        name, number = plain, 1
        while name in self.taken:
            number += 1
            name = f"{plain}-{number}"
        self.taken.add(name)
        return name
