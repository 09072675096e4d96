"""TorchScript, for torch.jit.load in Python and C++."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from inference.export.base_file import METADATA, ExportFile, Runner, torch_runner
from inference.export.graph import Graph


class TorchscriptFile(ExportFile):
    suffix = ".pt"
    runtime = "torch.jit"

    @staticmethod
    def write(graph: Graph, example: Tensor, path: Path, metadata: Mapping[str, str]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecation; constants that hold for all sizes
            traced = torch.jit.trace(graph, (example,), check_trace=False)
            torch.jit.save(traced, str(path), _extra_files={METADATA: json.dumps(dict(metadata))})

    @staticmethod
    def load(path: Path) -> tuple[Runner, dict[str, str]]:
        extra = {METADATA: ""}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecation
            module = torch.jit.load(str(path), map_location="cpu", _extra_files=extra)
        return torch_runner(module), json.loads(extra[METADATA])
