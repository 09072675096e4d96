"""Measure training, loading, testing and starting, side by side with the original's way of it.

    python scripts/benchmarks/run.py            small networks on a CPU, full size on a GPU
    python scripts/benchmarks/run.py --only pix2pix:16 --json result.json -- --num_threads 4

Both train in this process, an epoch of one after an epoch of the other, so that a slow minute of
the machine hits both. The reference mode is written plainly in scripts/reference_*.py. What follows
``--`` are flags of train.py, for our side alone.
"""

import argparse
import json
import logging
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from scripts.benchmarks.contenders import Case, link_pictures, write_pictures  # noqa: E402
from scripts.benchmarks.machine import ceilings, spread  # noqa: E402
from scripts.benchmarks.parts import (  # noqa: E402
    loading,
    seconds_of_help,
    seconds_to_first_step,
)
from scripts.benchmarks.tables import (  # noqa: E402
    ceiling_lines,
    loading_lines,
    testing_lines,
    training_lines,
)
from scripts.benchmarks.training import training  # noqa: E402
from util.files import write_text  # noqa: E402
from util.flags import positive_int  # noqa: E402
from util.runtime import choose_device, describe_device, run_program  # noqa: E402

log = logging.getLogger(__name__)

FULL = (
    Case("pix2pix", "unet_256", 1, 256, 64), Case("pix2pix", "unet_256", 16, 256, 64),
    Case("cycle_gan", "resnet_9blocks", 1, 256, 64),
    Case("cycle_gan", "resnet_9blocks", 8, 256, 64),
)
SMALL = (
    Case("pix2pix", "unet_128", 1, 128, 16), Case("pix2pix", "unet_128", 16, 128, 16),
    Case("cycle_gan", "resnet_6blocks", 1, 128, 8), Case("cycle_gan", "resnet_6blocks", 8, 128, 8),
)
TRAINED = tuple(f"{case.model}:{case.batch}" for case in FULL)  # as in SMALL
PARTS = (*TRAINED, "loading", "start", "test")
OF_THE_PROGRAMS = ("data", "display", "inference", "models", "options", "training", "util", "train",
                   "test", "scripts.benchmarks.reference_test")


def main(argv: Sequence[str] | None = None) -> None:
    words = list(sys.argv[1:] if argv is None else argv)
    ours = " ".join(words[words.index("--") + 1 :]) if "--" in words else ""
    args = parse(words[: words.index("--")] if "--" in words else words)
    device = choose_device([] if args.cpu else None)
    size = args.size or ("small" if device.type == "cpu" else "full")
    wanted = args.only or PARTS
    result: dict[str, Any] = {"machine": machine(device), "flags": ours, "size": size}
    result["ceilings"] = ceilings(device, seconds=1.0)
    log.info("%s", ceiling_lines(result))
    with tempfile.TemporaryDirectory() as folder, quiet(*OF_THE_PROGRAMS):
        root = Path(folder)
        if args.pictures:
            link_pictures(args.pictures, root, args.images)
        else:
            write_pictures(root, args.images)
        cases = [case for case in (FULL if size == "full" else SMALL)
                 if f"{case.model}:{case.batch}" in wanted]
        result["training"] = []
        for case in cases:
            found = training(case, root, device, ours, args.repeats)
            found["ceiling"] = max(result["ceilings"].values())
            result["training"].append(found)
            log.info("%s", training_lines(found))
        result |= parts(wanted, root, device, size, args)
    if args.json:
        write_text(args.json, json.dumps(result, indent=2) + "\n")


@contextmanager
def quiet(*packages: str) -> Iterator[None]:
    """Warnings and errors alone."""
    levels = {name: logging.getLogger(name).level for name in packages}
    for name in levels:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=("small", "full"), help="default: small on a CPU")
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART",
                        help=", ".join(PARTS) + " (default: all)")
    parser.add_argument("--repeats", type=positive_int, default=5, help="measured epochs of each")
    parser.add_argument("--images", type=positive_int, default=64, help="in an epoch")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER",
                        help="with train (pairs), trainA and trainB, in place of invented ones")
    parser.add_argument("--json", type=Path, help="write all figures into this file")
    parser.add_argument("--cpu", action="store_true", help="even where there is a GPU")
    return parser.parse_args(words)


def machine(device: torch.device) -> dict[str, Any]:
    return {
        "device": describe_device(device), "cores": os.cpu_count(), "processor": platform.machine(),
        "load": os.getloadavg()[0], "python": platform.python_version(),
        "torch": torch.__version__,
    }


def parts(
    wanted: Sequence[str], root: Path, device: torch.device, size: str, args: argparse.Namespace
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    pairs = Case("pix2pix", "unet_256", 1, 256, 8)
    if "loading" in wanted:
        found = loading(pairs, root, images=args.images, repeats=args.repeats)
        result["pairs_per_s"] = {name: spread(values) for name, values in found.items()}
        log.info("%s", loading_lines(result["pairs_per_s"]))
    if "start" in wanted:
        small = SMALL[0]
        steps = [seconds_to_first_step(small, root, device, "") for _ in range(3)]
        result["start_s"] = spread(steps)
        result["help_s"] = spread([seconds_of_help() for _ in range(3)])
        log.info("first losses after %.1f s (%.1f to %.1f), --help after %.1f s (%.1f to %.1f)",
                 *result["start_s"], *result["help_s"])
    if "test" in wanted and find_spec("dominate") is None:
        log.info("test.py is not measured: its page needs dominate (pip install dominate)")
    elif "test" in wanted:
        from scripts.benchmarks.testing import testing

        cases = FULL if size == "full" else SMALL
        result["testing"] = []
        for case in (case for case in cases if case.batch == 1):
            found = testing(case, root, device, images=args.images, repeats=args.repeats)
            result["testing"].append(found)
            log.info("%s", testing_lines(found))
    return result


if __name__ == "__main__":
    run_program(main)
