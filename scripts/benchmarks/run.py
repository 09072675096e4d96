"""Measure training, loading, testing and starting, side by side with the original's way.

    python scripts/benchmarks/run.py            small networks on a CPU, full size on a GPU
    python scripts/benchmarks/run.py --only pix2pix:16 -- --num_threads 4

Both sides train in this process, one epoch of each in turn, so that a short load of the machine
affects both. The reference is written plainly in reference_step.py and reference_data.py. The flags
after ``--`` are flags of train.py, for our side only.
"""

import argparse
import logging
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.benchmarks.common import Rows, machine_facts, markdown, write_images
from scripts.benchmarks.contenders import Case
from scripts.benchmarks.parts import loading, starting, testing
from scripts.benchmarks.train_part import ceilings, training
from scripts.command_line import new_parser, split_flags
from util.flags import positive_int
from util.runtime import choose_device, run_program

log = logging.getLogger(__name__)

CASES = {
    "full": (*(Case("pix2pix", "unet_256", batch, 256, 64) for batch in (1, 16)),
             *(Case("cycle_gan", "resnet_9blocks", batch, 256, 64) for batch in (1, 8))),
    "small": (*(Case("pix2pix", "unet_128", batch, 128, 16) for batch in (1, 16)),
              *(Case("cycle_gan", "resnet_6blocks", batch, 128, 8) for batch in (1, 8))),
}
PARTS = (*(f"{case.model}:{case.batch}" for case in CASES["full"]), "loading", "start", "test")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    own, extra = split_flags(argv)
    parser = new_parser(__doc__)
    add = parser.add_argument
    add("--size", choices=tuple(CASES), help="default: small on a CPU")
    add("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART",
        help=", ".join(PARTS) + " (default: all)")
    add("--repeats", type=positive_int, default=5, help="measured epochs of each side")
    add("--images", type=positive_int, default=64, help="images of an epoch")
    add("--pictures", type=Path, metavar="FOLDER",
        help="folder with train (pairs), trainA and trainB (default: generated images)")
    add("--cpu", action="store_true", help="use the CPU even if there is a GPU")
    return parser.parse_args(own, argparse.Namespace(flags=" ".join(extra)))


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    logging.getLogger().setLevel(logging.WARNING)  # for both sides
    log.setLevel(logging.INFO)
    device = choose_device([] if args.cpu else None)
    size = args.size or ("small" if device.type == "cpu" else "full")
    limits = ceilings(device)
    facts = machine_facts(device) | {"flags": args.flags, "size": size}
    facts |= {f"{name} (TFLOP/s)": f"{rate / 1e12:.3g}" for name, rate in limits.items()}
    log.info("%s", ", ".join(f"{name}: {value}" for name, value in facts.items()))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        provide_images(root, args.images, args.pictures)
        cases = [replace(case, root=root, device=device) for case in CASES[size]]
        parts = measurements(args, cases, ceiling=max(limits.values()))
        for part in args.only:
            log.info("\n%s\n\n%s", part, markdown(parts[part]()))


def measurements(
    args: argparse.Namespace, cases: Sequence[Case], *, ceiling: float
) -> dict[str, Callable[[], Rows]]:
    """Return a call for each part, which measures it and returns the rows of its table."""
    counts = {"images": args.images, "repeats": args.repeats}
    start = replace(CASES["small"][0], root=cases[0].root, device=cases[0].device)
    trainings = {f"{case.model}:{case.batch}": partial(
        training, case, flags=args.flags, repeats=args.repeats, ceiling=ceiling
    ) for case in cases}
    return {**trainings,
            "loading": partial(loading, replace(cases[0], crop=256), **counts),
            "start": partial(starting, start),
            "test": lambda: {f"{case.model}: {name}": row for case in cases if case.batch == 1
                             for name, row in testing(case, **counts).items()}}


def provide_images(root: Path, count: int, folder: Path | None) -> None:
    """Link the first ``count`` images of train, trainA and trainB in ``folder``; None: write some.

    Raises:
        ValueError: a folder has fewer images.
    """
    if not folder:
        write_images(root, count)
        return
    for source in filter(Path.is_dir, (folder / name for name in ("train", "trainA", "trainB"))):
        files = sorted(source.iterdir())
        if len(files) < count:
            raise ValueError(f"{source} holds {len(files)} images, {count} are wanted; lower "
                             "--images")
        (root / source.name).mkdir()
        for file in files[:count]:
            (root / source.name / file.name).symlink_to(file.resolve())


if __name__ == "__main__":
    run_program(main)
