"""An exported program (.pt2), for torch.export.load, torch.compile and AOTInductor."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor
from torch.export import Dim

from data.files.raster import Pixels
from inference.export.base_file import METADATA, ExportFile, Run
from inference.export.graph import Graph


class Pt2File(ExportFile):
    suffix = ".pt2"
    runtime = "torch.export"

    @staticmethod
    def write(graph: Graph, example: Tensor, path: Path, metadata: Mapping[str, str]) -> None:
        sides = {0: Dim("batch"), 1: Dim("height"), 2: Dim("width")}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.export(
                graph, (example,), dynamic_shapes=(sides,), strict=False
            )
            extra = {METADATA: json.dumps(dict(metadata))}
            torch.export.save(program, path, extra_files=extra)

    @staticmethod
    def load(path: Path) -> tuple[Run, dict[str, str]]:
        extra = {METADATA: ""}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = torch.export.load(path, extra_files=extra).module()

        @torch.no_grad()
        def run(pictures: Pixels) -> Pixels:
            translations: Pixels = module(torch.from_numpy(pictures)).numpy()
            return translations

        return run, json.loads(extra[METADATA])
