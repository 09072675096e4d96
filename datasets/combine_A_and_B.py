# ruff: noqa: N999  (the published name of this tool)
"""Join the images of folder A and folder B to A | B pairs for ``--dataset_mode aligned``.

    python datasets/combine_A_and_B.py --fold_A data/A --fold_B data/B --fold_AB data/AB

``A/train/0001.jpg`` and ``B/train/0001.png`` become ``AB/train/0001.png``. Sub-folders are kept,
so splits (train, val, test) are optional. Images without a partner and pairs of unequal size are
errors, which are listed before anything is written.
"""

import argparse
import logging
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from datasets.jobs import faults_reported, tool_parser
from datasets.joining import add_join_flags, join_pairs
from datasets.pairs import NamedPair, find_pictures, match, strip_suffix
from util.flags import any_path, positive_int

log = logging.getLogger(__name__)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = tool_parser(__doc__)
    parser.add_argument("--fold_A", type=any_path, required=True, help="images A (left half)")
    parser.add_argument("--fold_B", type=any_path, required=True, help="images B (right half)")
    parser.add_argument("--fold_AB", type=any_path, required=True, help="folder to write")
    parser.add_argument("--num_imgs", type=positive_int,
                        help="take only the first N pairs of every split (default: all)")
    parser.add_argument("--use_AB", action="store_true",
                        help="pair 0001_A with 0001_B and write 0001; one folder may hold both")
    parser.add_argument("--format", choices=("png", "jpg"), default="png",
                        help="png (default) keeps all pixels; jpg (quality 95, 4:4:4) is smaller, "
                        "but blurs label colours and the seam between A and B")
    add_join_flags(parser)
    return parser.parse_args(argv)


def require_apart(fold_A: Path, fold_B: Path, fold_AB: Path, *, use_AB: bool) -> None:
    """Refuse folders that would pair an image with itself or read the output back."""
    if fold_A.resolve() == fold_B.resolve() and not use_AB:
        raise ValueError(f"--fold_A and --fold_B are both {fold_A}; for 0001_A, 0001_B in one "
                         "folder pass --use_AB")
    for source in (fold_A, fold_B):
        if fold_AB.resolve().is_relative_to(source.resolve()):
            raise ValueError(f"--fold_AB {fold_AB} is inside {source}: a second run would read "
                             "its own output; choose a folder outside")


def plan_pairs(args: argparse.Namespace) -> list[NamedPair]:
    """Match the images by their path without the extension."""
    named_A, named_B = find_pictures(args.fold_A), find_pictures(args.fold_B)
    advice = ""
    if args.use_AB:
        shared = args.fold_A.resolve() == args.fold_B.resolve()
        named_A = strip_suffix(named_A, "_A", mate_suffix="_B" if shared else None,
                               allow_unpaired=args.allow_unpaired)
        named_B = strip_suffix(named_B, "_B", mate_suffix="_A" if shared else None,
                               allow_unpaired=args.allow_unpaired)
    elif all(name.endswith("_A") for name in named_A):
        advice = ", or match 0001_A with 0001_B by --use_AB"
    return match(named_A, named_B, allow_unpaired=args.allow_unpaired,
                 skip_flag="--allow_unpaired", advice=advice)


def first_of_every_split(pairs: Sequence[NamedPair], limit: int | None) -> list[NamedPair]:
    """Return at most ``limit`` pairs per top folder, and log the number for each split."""
    splits: dict[str, list[NamedPair]] = defaultdict(list)
    for pair in pairs:
        splits[pair.name.split("/")[0] if "/" in pair.name else "."].append(pair)
    for split, members in splits.items():
        log.info("split %s: %d pairs, %d used", split, len(members), len(members[:limit]))
    return [pair for members in splits.values() for pair in members[:limit]]


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    with faults_reported("combine_A_and_B"):
        require_apart(args.fold_A, args.fold_B, args.fold_AB, use_AB=args.use_AB)
        pairs = first_of_every_split(plan_pairs(args), args.num_imgs)
        join_pairs(pairs, [args.fold_AB / f"{pair.name}.{args.format}" for pair in pairs], args)


if __name__ == "__main__":
    main()
