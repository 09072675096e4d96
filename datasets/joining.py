"""Join pairs into A | B files: the flags, the job and the report that two tools share."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from datasets.pairs import Pair, listing, require_equal_sizes, warn_about_leftovers
from datasets.pictures import read_picture, run_jobs, save_picture, side_by_side

RESAMPLING = {"lanczos": Image.Resampling.LANCZOS, "nearest": Image.Resampling.NEAREST}


@dataclass(frozen=True)
class Join:
    """One picture to write. ``resize_to`` is "A", "B" or "" (the sizes are equal)."""

    pair: Pair
    target: Path
    resize_to: str
    resample: str
    overwrite: bool


def add_join_flags(parser: argparse.ArgumentParser) -> None:
    """The ways out that the error messages name."""
    parser.add_argument("--allow_unpaired", action="store_true", help="skip pictures without mate")
    parser.add_argument("--resize_to", choices=("A", "B"), default="",
                        help="where sizes differ: which picture of a pair keeps its size")
    parser.add_argument("--resample", choices=tuple(RESAMPLING), default="lanczos",
                        help="filter of --resize_to; lanczos mixes label colours, nearest does not")
    parser.add_argument("--overwrite", action="store_true", help="replace output that differs")
    parser.add_argument("--no_multiprocessing", action="store_true", help="use one process only")


@contextmanager
def faults_reported(program: str) -> Iterator[None]:
    """Messages go to stdout; a fault of the data ends the program with its text and code 1."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    try:
        yield
    except (ValueError, OSError) as error:
        raise SystemExit(f"{program}: error: {error}") from error


def write_join(job: Join) -> bool:
    """Write one file; False where it was there already. Names the pair in every fault."""
    A, B = read_picture(job.pair.A), read_picture(job.pair.B)
    if job.resize_to == "A":
        B = B.resize(A.size, RESAMPLING[job.resample])
    elif job.resize_to == "B":
        A = A.resize(B.size, RESAMPLING[job.resample])
    try:
        return save_picture(side_by_side(A, B), job.target, overwrite=job.overwrite)
    except ValueError as error:
        raise ValueError(f"{job.target} from {job.pair.A} and {job.pair.B}: {error}") from error


def require_no_faults(written: int, unchanged: int, faults: Sequence[str]) -> None:
    """Report the count; ValueError with the first ten faults if there are any."""
    logging.info("%d pictures written, %d were there already", written, unchanged)
    if faults:
        raise ValueError(f"{len(faults)} pairs could not be written:\n{listing(faults)}")


def join_pairs(pairs: Sequence[Pair], targets: Sequence[Path], args: argparse.Namespace) -> None:
    """Write ``pairs[i]`` to ``targets[i]`` as the shared flags ask."""
    if not args.resize_to:
        require_equal_sizes(pairs)
    warn_about_leftovers(targets)
    jobs = [
        Join(pair, target, args.resize_to, args.resample, args.overwrite)
        for pair, target in zip(pairs, targets, strict=True)
    ]
    written, faults = run_jobs(write_join, jobs, parallel=not args.no_multiprocessing)
    require_no_faults(written, len(jobs) - written - len(faults), faults)
