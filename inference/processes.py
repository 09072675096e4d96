"""Several processes that share one test: ``torchrun --nproc_per_node=N test.py ...``.

Names and batches are those of a single process, so N processes write the same files. They take
turns with the batches, which lie in the order of the image sizes: so all get small and large ones.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch

from data.files.reading import PictureError, naming_skip_flag
from util.distributed import current_process, gather_to_main, process_group

log = logging.getLogger(__name__)
_LONGEST_WAIT = timedelta(days=7)  # for the largest image of another process; lost ones are noticed


@contextmanager
def shared_test(device: torch.device) -> Iterator[None]:
    """Connect the processes by gloo, which carries the rows of a page; weights are not exchanged.

    Raises:
        ConnectionError: another process has ended before its work was done.
    """
    here = current_process()
    if here.is_distributed:
        log.info("%d processes share the images", here.world_size)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    with process_group(torch.device("cpu"), timeout=_LONGEST_WAIT,
                       after_loss="images that are complete stay"):
        yield


def count_all(own: int, written: Sequence[Path] = ()) -> int:
    """Return the sum of ``own`` over all processes, in the main process.

    ``written``: by this process; see ``warn_if_elsewhere``.
    """
    counts = gather_to_main((own, list(written)[:1]))
    warn_if_elsewhere([path for _, paths in counts for path in paths])
    return sum(count for count, _ in counts)


def warn_if_elsewhere(written: Sequence[Path]) -> None:
    """Log a warning if this machine does not have one of the files, which other processes wrote."""
    lost = [path for path in written if not path.is_file()]
    if lost:
        log.warning("%s was written on another machine and is missing here: the machines have no "
                    "common folder of results; give one on a shared disk", lost[0])


@contextmanager
def bad_files_reported(*, skip: bool) -> Iterator[None]:
    """Log a PictureError instead of raising it, if ``skip`` is set."""
    try:
        with naming_skip_flag("skip" if skip else "error"):
            yield
    except PictureError as error:
        if not skip:
            raise
        # Processes other than the main one log only errors, but this is seen by one process alone.
        log.log(logging.WARNING if current_process().is_main else logging.ERROR,
                "skipped: %s", error)
