"""Export one generator: build its graph, write the file, verify it, describe it."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from data.discovery.inputs import Input
from data.files import value_range
from data.files.raster import Pixels, rounded
from data.files.value_range import LEVELS, ValueRange
from inference.export import find_format
from inference.export.card import write_card
from inference.export.graph import Graph
from inference.export.metadata import ExportMetadata
from inference.export.norms import BnMode, describe, fix_statistics
from inference.export.small_weights import WeightFormat, shrink
from inference.export.verify import Difference, compare, report_lines, require_within_limits
from inference.generator_file import GeneratorFile
from inference.prepare import Dropout, sharing_copy
from inference.translator import Translator
from models.networks.geometry import geometry
from util.files import replacing
from util.packages import package_for
from util.text import format_bytes

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExportRequest:
    """``run_dir``: None for a .pth file alone. ``calibrate``: images for bn_mode calibrated."""

    name: str
    epoch: str
    to: str
    run_dir: Path | None = None
    bn_mode: BnMode = "batch"
    weights: WeightFormat = "float32"
    labels: str = ""
    licence: str = ""
    calibrate: Sequence[Input] = ()


class Exporter:
    """A generator that can be written in any format.

    ``reference`` runs the network in PyTorch as test.py does, with neither the padding nor the
    scaling of the graph.

    Raises:
        ValueError: the value range of the images is unknown, or there are no batch norms to
            calibrate.
    """

    def __init__(self, file: GeneratorFile, request: ExportRequest) -> None:
        self.file, self.request, self.codec = file, request, file.codec
        self.input_range, self.input_dtype = self._side(file.input_letter)
        self.output_range, self.output_dtype = self._side(file.output_letter)
        # It reads, pads and crops; its network is replaced below.
        self.reference = Translator(replace(file, ranges={file.input_letter: self.input_range}),
                                    device=torch.device("cpu"), running_statistics=True, tile=None)
        net = file.build()
        self.dropout = any(isinstance(module, Dropout) for module in net.modules())
        images = (self._encoded(item) for item in request.calibrate)
        self.reference.net = fix_statistics(net, request.bn_mode, images)
        self.norm_text = describe(request.bn_mode, norm=file.norm,
                                  calibrated_on=len(request.calibrate))

    def _side(self, letter: str) -> tuple[ValueRange, str]:
        """Return range and dtype of the arrays: uint8 for 8-bit files, else float32."""
        written = self.file.record.formats.get(letter)
        dtype = written.dtype if written else "uint8"
        limits = self.file.ranges.get(letter) or value_range.of_dtype(dtype)
        if limits is None:
            raise ValueError(f"the {dtype} images of side {letter} have no range of their own: say "
                             f"which values are black and white with --value_range_{letter} LO,HI")
        return limits, "uint8" if dtype == "uint8" and limits == LEVELS else "float32"

    def metadata(self) -> ExportMetadata:
        file, request, channels = self.file, self.request, self.codec.image_channels
        return ExportMetadata(
            name=request.name, epoch=request.epoch, direction=file.direction, model=file.model,
            netG=file.netG, norm=file.norm, bn_mode=request.bn_mode, weights=request.weights,
            trained_with_dropout=None if file.no_dropout is None else self.dropout,
            multiple=geometry(self.reference.net).multiple,
            input_channels=channels or file.input_nc, output_channels=channels or file.output_nc,
            input_dtype=self.input_dtype, output_dtype=self.output_dtype,
            input_range=(self.input_range.low, self.input_range.high),
            output_range=(self.output_range.low, self.output_range.high), labels=request.labels,
        )

    def graph(self) -> Graph:
        net = shrink(sharing_copy(self.reference.net), self.request.weights)
        return Graph(net, codec=self.codec, input_range=self.input_range,
                     output_range=self.output_range, bytes_in=self.input_dtype == "uint8",
                     bytes_out=self.output_dtype == "uint8").eval()

    def _encoded(self, item: Input) -> Tensor:
        """Return [1, C, H, W], the input of the network."""
        return self.codec.encode(self.input_range.to_tensor(self.read(item))[None])

    def read(self, item: Input) -> Pixels:
        """Read an image [H, W, C] in the dtype of the graph's input.

        Raises:
            ValueError: the graph takes uint8, and the file holds other values.
        """
        pixels = self.reference.input.read(item.source)
        if self.input_dtype == "uint8" and pixels.dtype != np.uint8:
            raise ValueError(f"{item.source} holds {pixels.dtype}, this export takes uint8: give "
                             "images like those of the training, or the range of their values "
                             f"(--value_range_{self.file.input_letter} LO,HI)")
        return pixels.astype(self.input_dtype)

    def noise(self, size: tuple[int, int]) -> Pixels:
        """Return [height, width, C] for the graph: smooth shapes and grain, always the same."""
        shape = (*size, self.reference.input.channels)
        generator = np.random.default_rng(0)
        rows, columns = np.sin(np.linspace(0, 9, size[0])), np.linspace(0, 1, size[1])
        waves = 0.7 * np.outer(rows, columns)[:, :, None]
        values = waves + generator.uniform(-0.3, 0.3, shape)
        pixels = (values + 1) * self.input_range.half + self.input_range.low
        return rounded(pixels, self.input_dtype)

    def translate(self, batch: Pixels) -> Pixels:
        """Translate [N, H, W, C] to [N, H, W, c] in PyTorch: the expected output of the file."""
        images = torch.stack([self.input_range.to_tensor(pixels) for pixels in batch])
        outputs = self.reference.translate(images).cpu()
        return np.stack(
            [self.output_range.from_tensor(output, self.output_dtype) for output in outputs]
        )

    def write(self, path: Path, images: Sequence[Pixels]) -> list[Difference]:
        """Write the file and its card; ``images``: to verify it on, empty: noise.

        Raises:
            MissingPackageError: a package of the format is not installed.
            ValueError: the outputs of the file are not those of the network; the file is removed.
        """
        export_format, metadata = find_format(self.request.to), self.metadata()
        for package in export_format.packages:
            package_for(path, package)
        shape = (2, 24, 32, metadata.input_channels)
        example = torch.zeros(shape, dtype=getattr(torch, self.input_dtype))
        with replacing(path) as partial:
            export_format.write(self.graph(), example, partial, metadata.as_text())
            run, loaded = export_format.load(partial)
            if loaded != metadata.as_text():
                raise ValueError(f"{path}: the file returns other metadata: {loaded}")
            differences = compare(run, self.translate, images or [self.noise((150, 200))],
                                  output_range=metadata.output_range)
            for line in report_lines(differences):
                log.info("%s against PyTorch, %s", export_format.runtime, line)
            require_within_limits(differences, self.request.weights)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        card = write_card(path, metadata, digest=digest, weights_file=self.file.path,
                          norm_text=self.norm_text, run_dir=self.request.run_dir,
                          licence=self.request.licence, differences=differences,
                          image_count=len(images), runtime=export_format.runtime)
        log.info("wrote %s (%s, SHA-256 %s) and %s",
                 path, format_bytes(path.stat().st_size, digits=1), digest, card.name)
        return differences
