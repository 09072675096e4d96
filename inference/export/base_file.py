"""What a format of exported files is: it writes a graph, and runs the file in its own runtime."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from data.files.raster import Pixels
from inference.export.graph import Graph

METADATA = "metadata.json"  # in formats that hold files beside the graph

# [N, H, W, C] -> [N, H, W, c], in the dtypes of the metadata.
Run = Callable[[Pixels], Pixels]


class ExportFile(ABC):
    """``suffix``: of the files, with its dot. ``runtime``: what runs them, as a user knows it."""

    suffix: ClassVar[str]
    runtime: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()  # that writing and checking need beside torch

    @staticmethod
    @abstractmethod
    def write(graph: Graph, example: Tensor, path: Path, metadata: Mapping[str, str]) -> None:
        """``example``: [N, H, W, C] of the graph's dtype; no side of it stays fixed."""

    @staticmethod
    @abstractmethod
    def load(path: Path) -> tuple[Run, dict[str, str]]:
        """The file in its runtime, on the CPU, and its metadata."""
