"""Join pairs into A | B files: the flags and the job of two tools."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from data.files.pillow_files import read_rgb
from datasets.jobs import add_job_flags, do_jobs
from datasets.pairs import NamedPair, require_equal_sizes, warn_about_leftovers
from datasets.pictures import save_if_changed, side_by_side

RESAMPLING = {"lanczos": Image.Resampling.LANCZOS, "nearest": Image.Resampling.NEAREST}


@dataclass(frozen=True)
class Join:
    """One image to write. ``resize_to`` is "A", "B", or "" if the sizes are equal."""

    pair: NamedPair
    target: Path
    resize_to: str
    resample: str
    overwrite: bool


def add_join_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that the error messages suggest."""
    parser.add_argument("--allow_unpaired", action="store_true",
                        help="skip images without a partner")
    parser.add_argument("--resize_to", choices=("A", "B"), default="",
                        help="if sizes differ: which image of a pair keeps its size")
    parser.add_argument("--resample", choices=tuple(RESAMPLING), default="lanczos",
                        help="filter of --resize_to; lanczos mixes label colours, nearest does not")
    add_job_flags(parser)


def write_join(job: Join) -> bool:
    """Write one file; return False if it existed already. Errors name the pair."""
    A, B = read_rgb(job.pair.A), read_rgb(job.pair.B)
    if job.resize_to == "A":
        B = B.resize(A.size, RESAMPLING[job.resample])
    elif job.resize_to == "B":
        A = A.resize(B.size, RESAMPLING[job.resample])
    try:
        return save_if_changed(side_by_side(A, B), job.target, overwrite=job.overwrite)
    except ValueError as error:
        raise ValueError(f"{job.target} from {job.pair.A} and {job.pair.B}: {error}") from error


def join_pairs(
    pairs: Sequence[NamedPair], targets: Sequence[Path], args: argparse.Namespace
) -> None:
    """Write ``pairs[i]`` to ``targets[i]`` as the shared flags say."""
    if not args.resize_to:
        require_equal_sizes(pairs, advice=", or pass --resize_to A or --resize_to B")
    warn_about_leftovers(targets)
    jobs = [
        Join(pair, target, args.resize_to, args.resample, args.overwrite)
        for pair, target in zip(pairs, targets, strict=True)
    ]
    do_jobs(write_join, jobs, parallel=not args.no_multiprocessing)
