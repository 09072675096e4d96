"""A name of its own for every result, whatever the inputs are called."""

from pathlib import Path


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
