"""Export one generator: build its graph, write the file, prove it, describe it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from data.discovery.inputs import Input
from data.files import value_range
from data.files.raster import Pixels, rounded
from data.files.value_range import LEVELS, ValueRange
from inference.export import find_format
from inference.export.card import sha256, write_card
from inference.export.graph import Graph
from inference.export.metadata import Description
from inference.export.norms import BnMode, describe, settle
from inference.export.small_weights import Weights, shrink
from inference.export.verify import Difference, compare, judge, lines
from inference.generator_file import GeneratorFile
from inference.prepare import Dropout, sharing_copy
from inference.translator import Translator
from models.networks.geometry import geometry
from util.files import replacing
from util.packages import package_for
from util.text import format_bytes

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """``run_dir``: None for a bare file. ``calibrate``: the pictures of bn_mode calibrated."""

    name: str
    epoch: str
    to: str
    run_dir: Path | None = None
    bn_mode: BnMode = "batch"
    weights: Weights = "float32"
    labels: str = ""
    licence: str = ""
    calibrate: Sequence[Input] = field(default_factory=tuple)


class Exporter:
    """One generator, ready to be written in any format.

    ``reference`` is the network in PyTorch, the way test.py runs it: it shares neither padding nor
    scaling with the graph.

    Raises:
        ValueError: nobody has said which values of the pictures are black and white, or there are
            no batch norms to calibrate.
    """

    def __init__(self, file: GeneratorFile, request: Request) -> None:
        self.file, self.request = file, request
        self.codec = file.codec
        self.input_range, self.input_dtype = self._side(file.input_letter)
        self.output_range, self.output_dtype = self._side(file.output_letter)
        # How it reads, pads and cuts is wanted of it; the network is put in below.
        self.reference = Translator(
            replace(file, ranges={file.input_letter: self.input_range}),
            device=torch.device("cpu"), running_statistics=True, tile=None,
        )
        net = file.build()
        self.dropout = any(isinstance(module, Dropout) for module in net.modules())
        pictures = (self._encoded(one) for one in request.calibrate)
        self.reference.net = settle(net, request.bn_mode, pictures)

    def _side(self, letter: str) -> tuple[ValueRange, str]:
        """Range and dtype of the arrays: bytes where the files had bytes, else their values."""
        written = self.file.record.formats.get(letter)
        dtype = written.dtype if written else "uint8"
        limits = self.file.ranges.get(letter) or value_range.of_dtype(dtype)
        if limits is None:
            raise ValueError(
                f"the {dtype} pictures of side {letter} have no range of their own: say which "
                f"values are black and white with --value_range_{letter} LO,HI"
            )
        return limits, "uint8" if dtype == "uint8" and limits == LEVELS else "float32"

    @property
    def norm_words(self) -> str:
        count = len(self.request.calibrate)
        return describe(self.request.bn_mode, norm=self.file.norm, pictures=count)

    def description(self) -> Description:
        file, request, colours = self.file, self.request, self.codec.image_channels
        return Description(
            name=request.name, epoch=request.epoch, direction=file.direction, model=file.model,
            netG=file.netG, norm=file.norm, bn_mode=request.bn_mode, weights=request.weights,
            trained_with_dropout=None if file.no_dropout is None else self.dropout,
            multiple=geometry(self.reference.net).multiple,
            input_channels=colours or file.input_nc, output_channels=colours or file.output_nc,
            input_dtype=self.input_dtype, output_dtype=self.output_dtype,
            input_range=(self.input_range.low, self.input_range.high),
            output_range=(self.output_range.low, self.output_range.high),
            labels=request.labels,
        )

    def graph(self) -> Graph:
        net = shrink(sharing_copy(self.reference.net), self.request.weights)
        return Graph(
            net, codec=self.codec, input_range=self.input_range, output_range=self.output_range,
            bytes_in=self.input_dtype == "uint8", bytes_out=self.output_dtype == "uint8",
        ).eval()

    def _encoded(self, one: Input) -> Tensor:
        """[1, C, H, W], as the network gets it."""
        return self.codec.encode(self.input_range.to_tensor(self.read(one))[None])

    def read(self, one: Input) -> Pixels:
        """A picture [H, W, C] as the graph takes it.

        Raises:
            ValueError: it is no file of bytes, and bytes are wanted.
        """
        pixels = self.reference.input.read(one.source)
        if self.input_dtype == "uint8" and pixels.dtype != np.uint8:
            raise ValueError(
                f"{one.source} holds {pixels.dtype}, this export takes uint8: give pictures like "
                f"those of the training, or the range of their values (--value_range_"
                f"{self.file.input_letter} LO,HI)"
            )
        return pixels.astype(self.input_dtype)

    def noise(self, size: tuple[int, int]) -> Pixels:
        """[height, width, C] as the graph takes it: smooth shapes and grains, always the same."""
        shape = (*size, self.reference.input.channels)
        draw = np.random.default_rng(0)
        rows, columns = np.sin(np.linspace(0, 9, size[0])), np.linspace(0, 1, size[1])
        waves = 0.7 * np.outer(rows, columns)[:, :, None]
        values = waves + draw.uniform(-0.3, 0.3, shape)
        pixels = (values + 1) * self.input_range.half + self.input_range.low
        return rounded(pixels, self.input_dtype)

    def translate(self, batch: Pixels) -> Pixels:
        """[N, H, W, C] -> [N, H, W, c] in PyTorch, as the file should do it."""
        images = torch.stack([self.input_range.to_tensor(picture) for picture in batch])
        made = self.reference.translate(images).cpu()
        return np.stack([self.output_range.from_tensor(one, self.output_dtype) for one in made])

    def write(self, path: Path, pictures: Sequence[Pixels]) -> list[Difference]:
        """The file, verified on ``pictures`` (or noise) before it gets its name, and its card.

        Raises:
            MissingPackageError: the format needs one that is not installed.
            ValueError: the file does not do what the network does; nothing is left of it.
        """
        kind, description = find_format(self.request.to), self.description()
        for package in kind.packages:
            package_for(path, package)
        example = torch.zeros(
            (2, 24, 32, description.input_channels), dtype=getattr(torch, self.input_dtype)
        )
        with replacing(path) as aside:
            kind.write(self.graph(), example, aside, description.metadata())
            run, metadata = kind.load(aside)
            if metadata != description.metadata():
                raise ValueError(f"{path}: the file came back with other metadata: {metadata}")
            differences = compare(
                run, self.translate, pictures or [self.noise((150, 200))],
                output_range=description.output_range,
            )
            for line in lines(differences):
                log.info("%s against PyTorch, %s", kind.runtime, line)
            judge(differences, self.request.weights)
        card = write_card(
            path, description, run_dir=self.request.run_dir, weights_file=self.file.path,
            norm_words=self.norm_words, differences=differences, pictures=len(pictures),
            runtime=kind.runtime, licence=self.request.licence,
        )
        log.info("wrote %s (%s, SHA-256 %s) and %s",
                 path, format_bytes(path.stat().st_size, digits=1), sha256(path), card.name)
        return differences
