"""The batches of a training, read in such a way that it can be saved if they cannot be read."""

from collections.abc import Iterable, Iterator

from data.base_dataset import Batch
from data.loader import Loader
from training.interrupt import Interrupt, Leave
from util.distributed import current_process


class Batches:
    """Reads the next batch between two steps, before the processes agree to make another step.

    So a process whose images cannot be read, or that is interrupted while it waits for them, can be
    saved together with the others. Without workers a batch is read just before its step, because
    a dataset of a user may draw from the global random states, which are saved between the steps.
    """

    def __init__(self, loader: Loader, interrupt: Interrupt) -> None:
        self._interrupt = interrupt
        self._reads_ahead = loader.workers > 0
        self._is_alone = not current_process().is_distributed
        self._source: Iterator[Batch] = iter(())
        self._next: Batch | None = None
        self._is_read = False

    def watch(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the batches of an epoch; end early if the run has to stop.

        Raises:
            Exception: several processes without workers, and a batch cannot be read.
        """
        self._source, self._is_read = iter(batches), False
        self.read_ahead()
        if self._interrupt.requested():
            return
        while True:
            self._read()
            if self._next is None:
                return
            batch, self._next, self._is_read = self._next, None, False
            yield batch

    def read_ahead(self) -> None:
        """Read the next batch, if there are workers; must be called before ``requested``."""
        if self._reads_ahead and not self._interrupt.signal:
            self._read()

    def _read(self) -> None:
        if self._is_read:
            return
        self._is_read = True
        interrupt = self._interrupt
        try:
            interrupt.can_leave = self._reads_ahead
            self._next = next(self._source, None)
            interrupt.can_leave = False
        except Leave:
            return
        except Exception as error:
            interrupt.can_leave = False
            if not (self._reads_ahead or self._is_alone):
                raise
            interrupt.error = error
