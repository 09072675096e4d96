"""The contract of an export format: it writes a graph, and runs the file in its own runtime."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from data.files.raster import Pixels
from inference.export.graph import Graph

METADATA = "metadata.json"  # in formats that hold files beside the graph

# [N, H, W, C] -> [N, H, W, c], in the dtypes of the metadata.
Runner = Callable[[Pixels], Pixels]


class ExportFile(ABC):
    """A format, in a file ``<name>_file.py`` of this folder, selected by ``--to <name>``.

    ``suffix``: of its files, with the dot. ``runtime``: name of the program that runs them.
    ``packages``: required for writing and checking, beside torch.
    """

    suffix: ClassVar[str]
    runtime: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    @abstractmethod
    def write(graph: Graph, example: Tensor, path: Path, metadata: Mapping[str, str]) -> None:
        """Write the file; ``example``: [N, H, W, C] of the graph's dtype. Sizes stay dynamic."""

    @staticmethod
    @abstractmethod
    def load(path: Path) -> tuple[Runner, dict[str, str]]:
        """Return the file in its runtime, on the CPU, and its metadata."""


def torch_runner(module: Any) -> Runner:
    """Return a runner for a module that torch has loaded."""

    @torch.no_grad()
    def run(images: Pixels) -> Pixels:
        translations: Pixels = module(torch.from_numpy(images)).numpy()
        return translations

    return run
