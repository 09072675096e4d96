"""Tiny generators in files, and their exports, for the tests of inference/export/."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from inference.export import find_format
from inference.export.base_file import Run
from inference.export.exporter import Exporter, Request
from inference.generator_file import GeneratorFile
from models.networks import define_G
from models.weights.published_keys import to_published
from util import checkpoint


def generator_file(
    folder: Path, netG: str, norm: str, *, channels: tuple[int, int] = (3, 3), **words: Any
) -> GeneratorFile:
    """Weights that make pictures of some contrast; running statistics unlike those of a picture."""
    torch.manual_seed(0)
    net = define_G(
        netG, in_channels=channels[0], out_channels=channels[1], width=2, norm=norm, dropout=True,
        init_type="kaiming",
    )
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d | nn.SyncBatchNorm):
            nn.init.normal_(module.running_mean, 0, 0.3)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 2)  # type: ignore[arg-type]
    checkpoint.save(folder / "tiny.pth", to_published(net))
    return GeneratorFile(
        folder / "tiny.pth", netG=netG, ngf=2, norm=norm, no_dropout=False, input_nc=channels[0],
        output_nc=channels[1], **words,
    )


def exporter(file: GeneratorFile, to: str, **words: Any) -> Exporter:
    return Exporter(file, Request(name="tiny", epoch="latest", to=to, **words))


def export(one: Exporter, folder: Path, *, size: tuple[int, int] = (40, 60)) -> Run:
    """The exported file, verified, in its runtime."""
    kind = find_format(one.request.to)
    path = folder / f"tiny{kind.suffix}"
    differences = one.write(path, [one.noise(size)])
    assert len(differences) == 4
    return kind.load(path)[0]


def contrast(picture: Any) -> float:
    return float(np.std(picture.astype(np.float64)))
