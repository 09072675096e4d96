"""An exported program (.pt2), for torch.export.load, torch.compile and AOTInductor."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor
from torch.export import Dim

from inference.export.base_file import METADATA, ExportFile, Runner, torch_runner
from inference.export.graph import Graph


class Pt2File(ExportFile):
    suffix = ".pt2"
    runtime = "torch.export"

    @staticmethod
    def write(graph: Graph, example: Tensor, path: Path, metadata: Mapping[str, str]) -> None:
        sides = {0: Dim("batch"), 1: Dim("height"), 2: Dim("width")}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.export(graph, (example,), dynamic_shapes=(sides,), strict=False)
            extra = {METADATA: json.dumps(dict(metadata))}
            torch.export.save(program, path, extra_files=extra)

    @staticmethod
    def load(path: Path) -> tuple[Runner, dict[str, str]]:
        extra = {METADATA: ""}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = torch.export.load(path, extra_files=extra).module()
        return torch_runner(module), json.loads(extra[METADATA])
