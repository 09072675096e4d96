"""Common parts of the tools in this folder: flags, a pool of jobs, and reports of faults."""

import argparse
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from util.console.log_lines import start_logging
from util.text import listing

log = logging.getLogger(__name__)

Job = TypeVar("Job")


def tool_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser whose ``--help`` begins with the tool's docstring, its lines unchanged."""
    return argparse.ArgumentParser(description=description,
                                   formatter_class=argparse.RawDescriptionHelpFormatter,
                                   allow_abbrev=False)


def add_job_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--overwrite", action="store_true", help="replace output that differs")
    parser.add_argument("--no_multiprocessing", action="store_true", help="use one process only")


@contextmanager
def faults_reported(program: str) -> Iterator[None]:
    """Log to stdout; after a fault of the data, exit with its message and code 1."""
    start_logging()
    try:
        yield
    except (ValueError, OSError) as error:
        raise SystemExit(f"{program}: error: {error}") from error
    except KeyboardInterrupt:
        log.error("Interrupted")
        raise SystemExit(130) from None


def do_jobs(work: Callable[[Job], bool], jobs: Sequence[Job], *, parallel: bool) -> None:
    """Do every job, also after faults, and log how many images were written.

    ``work`` returns False if there was nothing to write. It must be importable by name, because
    the processes of the pool may be spawned.

    Raises:
        ValueError: some jobs failed; the first faults are listed.
    """
    attempt = partial(_attempt, work)
    if parallel:
        with ProcessPoolExecutor() as pool:
            results = list(pool.map(attempt, jobs, chunksize=8))
    else:
        results = [attempt(job) for job in jobs]
    faults = [result for result in results if isinstance(result, str)]
    log.info("%d images written, %d existed already", results.count(True), results.count(False))
    if faults:
        raise ValueError(f"{len(faults)} pairs could not be written:\n{listing(faults)}")


def _attempt(work: Callable[[Job], bool], job: Job) -> bool | str:
    try:
        return work(job)
    except (ValueError, OSError) as error:
        return str(error)
