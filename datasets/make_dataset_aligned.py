"""Join trainA and trainB, valA and valB, testA and testB to folders of A | B pairs.

    python datasets/make_dataset_aligned.py --dataset-path datasets/mine

Pairs are matched by name (``trainA/7.jpg`` and ``trainB/7.png``, or ``7_A`` and ``7_B``) and
written as lossless ``train/0000.png``, ``train/0001.png``, ... in the order of their names.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from datasets.jobs import faults_reported, tool_parser
from datasets.joining import add_join_flags, join_pairs
from datasets.pairs import NamedPair, find_pictures, match, strip_suffix
from util.flags import any_path

log = logging.getLogger(__name__)

SPLITS = ("train", "val", "test")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = tool_parser(__doc__)
    parser.add_argument("--dataset-path", "--dataset_path", type=any_path, required=True,
                        help="folder that holds trainA and trainB, valA and valB, testA and testB, "
                        "or some of these")
    parser.add_argument("--by_position", action="store_true",
                        help="pair the first with the first, the second with the second, ...; only "
                        "for folders whose sorted names are in the same order")
    parser.add_argument("--keep_names", action="store_true",
                        help="write train/<name>.png instead of train/0000.png")
    add_join_flags(parser)
    return parser.parse_args(argv)


def splits_of(root: Path) -> list[str]:
    """Return the splits that have both sides; a side without the other is an error.

    Other folders that end in A or B are named in a warning, because they are not joined.
    """
    sides = {split: [(root / f"{split}{side}").is_dir() for side in "AB"] for split in SPLITS}
    found = [split for split, both in sides.items() if all(both)]
    halves = [split for split, both in sides.items() if any(both) and not all(both)]
    if halves or not found:
        here = sorted(path.name for path in root.iterdir()) if root.is_dir() else "no such folder"
        raise FileNotFoundError(f"{root} needs both sides of a split (trainA and trainB, valA and "
                                f"valB, testA and testB); found: {here}")
    others = sorted(path.name for path in root.glob("[!.]*[AB]")
                    if path.is_dir() and path.name[:-1] not in SPLITS)
    if others:
        log.warning("left out, because only %s are joined: %s", ", ".join(SPLITS),
                    ", ".join(others))
    return found


def pair_by_position(named_A: dict[str, Path], named_B: dict[str, Path]) -> list[NamedPair]:
    if len(named_A) != len(named_B):
        raise ValueError(f"--by_position needs equal numbers, found {len(named_A)} images A and "
                         f"{len(named_B)} images B")
    pairs = [NamedPair(name, named_A[name], path)
             for name, path in zip(named_A, named_B.values(), strict=True)]
    for pair in pairs[:3]:
        log.info("by position: %s with %s", pair.A, pair.B)
    return pairs


def pair_by_name(
    named_A: dict[str, Path], named_B: dict[str, Path], *, allow_unpaired: bool
) -> list[NamedPair]:
    """Match equal names; if all names end in ``_A`` or ``_B``, match them without it."""
    marked = [all(name.endswith(end) for name in named)
              for named, end in ((named_A, "_A"), (named_B, "_B"))]
    if all(marked):
        log.info("names are matched without their ends _A and _B")
        named_A = strip_suffix(named_A, "_A", mate_suffix=None, allow_unpaired=False)
        named_B = strip_suffix(named_B, "_B", mate_suffix=None, allow_unpaired=False)
    return match(named_A, named_B, allow_unpaired=allow_unpaired, skip_flag="--allow_unpaired",
                 advice=", or pair the sorted lists with --by_position")


def plan_split(split: str, args: argparse.Namespace) -> tuple[list[NamedPair], list[Path]]:
    """Return the pairs of one split and the files to write."""
    named_A = find_pictures(args.dataset_path / f"{split}A")
    named_B = find_pictures(args.dataset_path / f"{split}B")
    if args.by_position:
        pairs = pair_by_position(named_A, named_B)
    else:
        pairs = pair_by_name(named_A, named_B, allow_unpaired=args.allow_unpaired)
    log.info("split %s: %d pairs", split, len(pairs))
    names = [pair.name if args.keep_names else f"{i:04d}" for i, pair in enumerate(pairs)]
    return pairs, [args.dataset_path / split / f"{name}.png" for name in names]


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    with faults_reported("make_dataset_aligned"):
        plans = [plan_split(split, args) for split in splits_of(args.dataset_path)]
        pairs = [pair for pairs, _ in plans for pair in pairs]
        targets = [target for _, targets in plans for target in targets]
        join_pairs(pairs, targets, args)


if __name__ == "__main__":
    main()
