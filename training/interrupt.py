"""Stop a run after Ctrl-C, SIGTERM or SIGHUP: the current step is finished, then the run is saved.

All processes stop after the same step, whichever of them got the signal.
"""

import logging
from contextlib import ExitStack
from types import FrameType

from util.distributed import all_reduce_max
from util.interrupts import handled, raise_interrupted

log = logging.getLogger(__name__)


class Interrupt:
    """A context that stores the first signal; a second one raises ``Interrupted``."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self.saving = False  # the training has ended, only files are still written
        self._handlers = ExitStack()

    def __enter__(self) -> "Interrupt":
        self._handlers.enter_context(handled(self._store))
        return self

    def __exit__(self, *error: object) -> None:
        self._handlers.close()

    def requested(self) -> bool:
        """Return whether any process got a signal. All processes must call it after each step."""
        self.signal = all_reduce_max(self.signal or 0) or None
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """Exit code of shells: 130 after Ctrl-C, 143 after SIGTERM, 0 without a signal."""
        return 128 + self.signal if self.signal else 0

    def _store(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            raise_interrupted(number)
        self.signal = number
        if self.saving:
            log.info("writing the last files (a second signal stops at once)")
        else:
            log.info("stopping after this step and, if due, its validation (a second signal stops "
                     "at once, without saving)")
