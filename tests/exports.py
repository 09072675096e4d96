"""Tiny generators in files, and their exports, for the tests of inference/export/."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from inference.export import find_format
from inference.export.base_file import Runner
from inference.export.exporter import Exporter, ExportRequest
from inference.generator_file import GeneratorFile
from models.networks import define_G
from models.weights.published_keys import to_published
from util import checkpoint


def generator_file(
    folder: Path, netG: str, norm: str, *, channels: tuple[int, int] = (3, 3), width: int = 2,
    **fields: Any,
) -> GeneratorFile:
    """Write weights whose outputs have contrast, with running statistics unlike any image's."""
    torch.manual_seed(0)
    net = define_G(*channels, width, netG, norm, use_dropout=True, init_type="kaiming")
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d | nn.SyncBatchNorm):
            nn.init.normal_(module.running_mean, 0, 0.3)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 2)  # type: ignore[arg-type]
    checkpoint.save(folder / "tiny.pth", to_published(net))
    return GeneratorFile(
        folder / "tiny.pth", netG=netG, ngf=width, norm=norm, no_dropout=False,
        input_nc=channels[0], output_nc=channels[1], **fields,
    )


def create_exporter(file: GeneratorFile, to: str, **fields: Any) -> Exporter:
    return Exporter(file, ExportRequest(name="tiny", epoch="latest", to=to, **fields))


def export(exporter: Exporter, folder: Path, *, size: tuple[int, int] = (40, 60)) -> Runner:
    """Write and verify the file; return it in its runtime."""
    export_format = find_format(exporter.request.to)
    path = folder / f"tiny{export_format.suffix}"
    differences = exporter.write(path, [exporter.noise(size)])
    assert len(differences) == 4
    return export_format.load(path)[0]


def contrast(image: Any) -> float:
    return float(np.std(image.astype(np.float64)))
