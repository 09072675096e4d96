"""TorchScript, for torch.jit.load in Python and C++."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from data.files.raster import Pixels
from inference.export.base_file import METADATA, ExportFile, Run
from inference.export.graph import Graph


class TorchscriptFile(ExportFile):
    suffix = ".pt"
    runtime = "torch.jit"

    @staticmethod
    def write(graph: Graph, example: Tensor, path: Path, metadata: Mapping[str, str]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecation; values that hold for all sizes
            traced = torch.jit.trace(graph, (example,), check_trace=False)
            torch.jit.save(traced, str(path), _extra_files={METADATA: json.dumps(dict(metadata))})

    @staticmethod
    def load(path: Path) -> tuple[Run, dict[str, str]]:
        extra = {METADATA: ""}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecation
            loaded = torch.jit.load(str(path), map_location="cpu", _extra_files=extra)

        @torch.no_grad()
        def run(pictures: Pixels) -> Pixels:
            translations: Pixels = loaded(torch.from_numpy(pictures)).numpy()
            return translations

        return run, json.loads(extra[METADATA])
