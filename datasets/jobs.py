"""What the tools of this folder do around their work: flags, a pool of jobs, reports and faults."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from util import text

log = logging.getLogger(__name__)

LISTED = 10

Job = TypeVar("Job")


def tool_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser whose ``--help`` begins with the tool's docstring, lines kept as they are."""
    return argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_job_flags(parser: argparse.ArgumentParser) -> None:
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


def listing(lines: Sequence[str]) -> str:
    """The first ten lines, indented, and the number of the others."""
    return text.listing(lines, most=LISTED)


def do_jobs(work: Callable[[Job], bool], jobs: Sequence[Job], *, parallel: bool) -> None:
    """Do every job, go on past faults, report how many images were written.

    ``work`` returns False where nothing had to be written, and must be importable by name, for
    the processes of the pool may be spawned.

    Raises:
        ValueError: some jobs failed; the first ten faults are listed.
    """
    attempt = partial(_attempt, work)
    if parallel:
        with ProcessPoolExecutor() as pool:
            outcomes = list(pool.map(attempt, jobs, chunksize=8))
    else:
        outcomes = [attempt(job) for job in jobs]
    faults = [outcome for outcome in outcomes if isinstance(outcome, str)]
    log.info("%d images written, %d were there already",
             outcomes.count(True), outcomes.count(False))
    if faults:
        raise ValueError(f"{len(faults)} pairs could not be written:\n{listing(faults)}")


def _attempt(work: Callable[[Job], bool], job: Job) -> bool | str:
    try:
        return work(job)
    except (ValueError, OSError) as error:
        return str(error)
