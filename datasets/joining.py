"""Join pairs into A | B files: the flags and the job of two tools."""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PIL import Image

from data.files.pillow_files import read_rgb
from datasets.jobs import add_job_flags, do_jobs
from datasets.pairs import NamedPair, require_equal_sizes, warn_about_leftovers
from datasets.pictures import save_if_changed, side_by_side

RESAMPLING = {"lanczos": Image.Resampling.LANCZOS, "nearest": Image.Resampling.NEAREST}


def add_join_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that the error messages suggest."""
    parser.add_argument("--allow_unpaired", action="store_true",
                        help="skip images without a partner")
    parser.add_argument("--resize_to", choices=("A", "B"), default="",
                        help="if sizes differ: which image of a pair keeps its size")
    parser.add_argument("--resample", choices=tuple(RESAMPLING), default="lanczos",
                        help="filter of --resize_to; lanczos mixes label colours, nearest does not")
    add_job_flags(parser)


def write_join(
    job: tuple[NamedPair, Path], *, resize_to: str, resample: str, overwrite: bool
) -> bool:
    """Write a pair to its file; return False if it existed already. Errors name the pair."""
    pair, target = job
    A, B = read_rgb(pair.A), read_rgb(pair.B)
    if resize_to == "A":
        B = B.resize(A.size, RESAMPLING[resample])
    elif resize_to == "B":
        A = A.resize(B.size, RESAMPLING[resample])
    try:
        return save_if_changed(side_by_side(A, B), target, overwrite=overwrite)
    except ValueError as error:
        raise ValueError(f"{target} from {pair.A} and {pair.B}: {error}") from error


def join_pairs(
    pairs: Sequence[NamedPair], targets: Sequence[Path], args: argparse.Namespace
) -> None:
    """Write ``pairs[i]`` to ``targets[i]`` as the shared flags say."""
    if not args.resize_to:
        if args.resample != "lanczos":
            raise ValueError(f"--resample {args.resample}: nothing uses it here; add --resize_to A "
                             "or --resize_to B, or leave it out")
        require_equal_sizes(pairs, advice=", or pass --resize_to A or --resize_to B")
    warn_about_leftovers(targets)
    write = partial(write_join, resize_to=args.resize_to, resample=args.resample,
                    overwrite=args.overwrite)
    jobs = list(zip(pairs, targets, strict=True))
    do_jobs(write, jobs, parallel=not args.no_multiprocessing)
