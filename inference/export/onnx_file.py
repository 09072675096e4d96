"""ONNX, for onnxruntime on any device and in the browser (onnxruntime-web, wasm).

The files use opset 17, and only operators that the CPU supports. They are written by the older
exporter of torch (dynamo=False): the newer one cannot follow dynamic sides through a U-Net yet.
Constants are not folded, so that weights of 16 and 8 bits stay small in the file.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from data.files.raster import Pixels
from inference.export.base_file import ExportFile, Runner
from inference.export.graph import Graph
from util.packages import package_for

OPSET = 17
INPUT, OUTPUT = "picture", "translation"


class OnnxFile(ExportFile):
    suffix = ".onnx"
    runtime = "onnxruntime"
    packages = ("onnx", "onnxruntime")

    @staticmethod
    def write(graph: Graph, example: Tensor, path: Path, metadata: Mapping[str, str]) -> None:
        onnx = package_for(path, "onnx")
        sides = {0: "batch", 1: "height", 2: "width"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecation; constants that hold for all sizes
            torch.onnx.export(graph, (example,), str(path), dynamo=False, opset_version=OPSET,
                              do_constant_folding=False, input_names=[INPUT], output_names=[OUTPUT],
                              dynamic_axes={INPUT: sides, OUTPUT: sides})
        model = onnx.load(str(path))
        for key, value in metadata.items():
            model.metadata_props.add(key=key, value=value)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, str(path))

    @staticmethod
    def load(path: Path) -> tuple[Runner, dict[str, str]]:
        onnxruntime = package_for(path, "onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(str(path), options,
                                               providers=["CPUExecutionProvider"])

        def run(images: Pixels) -> Pixels:
            translations: Pixels = session.run([OUTPUT], {INPUT: images})[0]
            return translations

        return run, dict(session.get_modelmeta().custom_metadata_map)
