"""Translate a huge TIFF file in tiles with test.py, and print its time and peak memory.

    python scripts/benchmarks/measure_tiles.py --side 12000 --ngf 8

The generated image has patches of very different colour and contrast, which is hard for norms that
use statistics of the whole image. The network is a ResNet with initial weights of realistic gain.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tifffile
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import test
from models.networks import GENERATORS, NORMS, define_G
from scripts.benchmarks.common import peak_bytes
from util.flags import positive_int
from util.runtime import run_program
from util.text import format_bytes

log = logging.getLogger(__name__)

_PATCH = 512  # pixels


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--side", type=positive_int, default=600, help="side of the image (pixels)")
    add("--tile", type=positive_int, default=1024, help="side of a tile, halo included (pixels)")
    add("--netG", choices=GENERATORS, default="resnet_6blocks")
    add("--norm", choices=NORMS, default="instance")
    add("--ngf", type=positive_int, default=4)
    add("--folder", type=Path, help="keep source.tif, weights.pth and result/ here")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        source, weights = folder / "source.tif", folder / "weights.pth"
        side = args.side
        tifffile.imwrite(
            source, patches((-(-side // _PATCH)) ** 2), shape=(side, side, 3), dtype=np.uint8,
            photometric="rgb", tile=(_PATCH, _PATCH), compression="zlib",
        )
        torch.manual_seed(0)
        net = define_G(args.netG, in_channels=3, out_channels=3, width=args.ngf, norm=args.norm,
                       init_type="kaiming")
        torch.save(net.state_dict(), weights)
        log.info("%d x %d pixels, deflated: %s; before the network: %s of memory",
                 side, side, format_bytes(source.stat().st_size), format_bytes(peak_bytes()))
        start, cpu_start = time.perf_counter(), time.process_time()
        test.test([
            "--weights", str(weights), "--dataroot", str(source), "--output_dir",
            str(folder / "result"), "--tile", str(args.tile), "--netG", args.netG, "--norm",
            args.norm, "--ngf", str(args.ngf), "--no_dropout", "--gpu_ids", "-1",
        ])
        log.info("%.0f s, %.0f s of them computing; peak memory (RSS) %s",
                 time.perf_counter() - start, time.process_time() - cpu_start,
                 format_bytes(peak_bytes()))


def patches(count: int) -> Iterator[np.ndarray]:
    """Yield blurred blotches under noise, each with its own brightness, contrast and grain."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        few = int(rng.integers(2, 40))
        blotches = rng.integers(0, 256, (few, few, 3), dtype=np.uint8)
        large = np.asarray(Image.fromarray(blotches).resize((_PATCH, _PATCH)), np.float32) - 128
        grain = rng.normal(0, 1, (_PATCH, _PATCH, 1)) * rng.uniform(0, 20)
        pixels = large * rng.uniform(0.1, 1) + grain + rng.uniform(60, 200)
        yield pixels.clip(0, 255).astype(np.uint8)


if __name__ == "__main__":
    run_program(main)
