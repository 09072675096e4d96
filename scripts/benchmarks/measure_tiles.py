"""Translate a huge TIFF tile by tile, and say what it took.

    python scripts/benchmarks/measure_tiles.py --side 12000

The picture is invented: patches of very different colour and contrast, which is hard for norms
that look at the whole picture. The network is a ResNet with fresh weights of realistic gain.
"""

import argparse
import logging
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tifffile
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from inference.prepare import prepare
from inference.tiles.box import Box
from inference.tiles.tiff_windows import TiffReader, create_tiff
from inference.tiles.translate import TileReport, translate_tiled
from models.networks import GENERATORS, NORMS, define_G
from util.flags import positive_int
from util.pixel_values import float_to_levels, levels_to_float
from util.runtime import run_program
from util.text import format_bytes

log = logging.getLogger(__name__)

_PATCH = 512  # pixels


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--side", type=positive_int, default=600, help="of the picture (pixels)")
    parser.add_argument("--tile", type=positive_int, default=1024, help="halo included (pixels)")
    parser.add_argument("--netG", choices=GENERATORS, default="resnet_6blocks")
    parser.add_argument("--norm", choices=NORMS, default="instance")
    parser.add_argument("--ngf", type=positive_int, default=4)
    parser.add_argument("--folder", type=Path, help="keep source.tif and result.tif here")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        source, result = folder / "source.tif", folder / "result.tif"
        draw(source, args.side)
        log.info("%d x %d pixels, deflated: %s; before the network: %s of memory",
                 args.side, args.side, format_bytes(source.stat().st_size),
                 format_bytes(peak_bytes()))
        torch.manual_seed(0)
        net = define_G(args.netG, in_channels=3, out_channels=3, width=args.ngf, norm=args.norm,
                       init_type="kaiming")
        begun, cpu = time.perf_counter(), time.process_time()
        report = translate(net, source, result, args.tile)
        log.info("%d tiles of %d pixels, %d passes for the statistics (last change %.4f) and one "
                 "to write", report.tiles, args.tile, report.passes, report.change)
        log.info("%.0f s, %.0f s of them computing; peak memory (RSS) %s",
                 time.perf_counter() - begun, time.process_time() - cpu, format_bytes(peak_bytes()))


def translate(net: torch.nn.Module, source: Path, result: Path, tile: int) -> TileReport:
    """From one TIFF of 8 bits to another of the same size."""
    with TiffReader(source) as reader, create_tiff(result, reader.shape, reader.dtype) as writer:

        def read(box: Box) -> Tensor:
            return levels_to_float(torch.from_numpy(reader.read(box)).permute(2, 0, 1))

        def write(box: Box, images: Tensor) -> None:
            writer.write(box, float_to_levels(images).permute(1, 2, 0).numpy())

        return translate_tiled(
            prepare(net, running_statistics=False), read, write,
            height=reader.shape[0], width=reader.shape[1], tile=tile, on_pass=say,
        )


def say(number: int, change: float) -> None:
    log.info("pass %d: statistics were up to %.4f standard deviations off", number, change)


def draw(path: Path, side: int) -> None:
    """An RGB picture, patch by patch."""
    count = (-(-side // _PATCH)) ** 2
    tifffile.imwrite(
        path, patches(count), shape=(side, side, 3), dtype=np.uint8, photometric="rgb",
        tile=(_PATCH, _PATCH), compression="zlib",
    )


def patches(count: int) -> Iterator[NDArray[np.uint8]]:
    """Blurred blotches under noise; each patch has a brightness, contrast and grain of its own."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        few = int(rng.integers(2, 40))
        blotches = rng.integers(0, 256, (few, few, 3), dtype=np.uint8)
        large = np.asarray(Image.fromarray(blotches).resize((_PATCH, _PATCH)), np.float32) - 128
        grain = rng.normal(0, 1, (_PATCH, _PATCH, 1)) * rng.uniform(0, 20)
        pixels = large * rng.uniform(0.1, 1) + grain + rng.uniform(60, 200)
        yield pixels.clip(0, 255).astype(np.uint8)


def peak_bytes() -> int:
    """Return the most memory that this process has held."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes on Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    run_program(main)
