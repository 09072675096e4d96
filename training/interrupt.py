"""Stop a run after Ctrl-C, SIGTERM or SIGHUP: the current step is finished, then the run is saved.

All processes stop after the same step, whichever of them got the signal.
"""

import logging
from contextlib import ExitStack
from types import FrameType

from util.distributed import all_reduce_max
from util.interrupts import handled, raise_interrupted

log = logging.getLogger(__name__)


_FAILED = 255  # greater than every signal


class Leave(BaseException):
    """Ends a wait for images that may never come. Not an Exception, which others might catch."""


class Interrupt:
    """A context that stores the first signal; a second one raises ``Interrupted``."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self.error: Exception | None = None  # of this process: it cannot read its next batch
        self.others_failed = False
        self.saving = False  # the training has ended, only files are still written
        self.can_leave = False  # True: a signal raises ``Leave``, in the main thread
        self._handlers = ExitStack()

    def __enter__(self) -> "Interrupt":
        self._handlers.enter_context(handled(self._store))
        return self

    def __exit__(self, *error: object) -> None:
        self._handlers.close()

    def requested(self) -> bool:
        """Return whether any process got a signal, or cannot read its images.

        All processes must call it after each step.
        """
        code = all_reduce_max(_FAILED if self.error else self.signal or 0)
        if code == _FAILED:
            self.others_failed = self.error is None
        else:
            self.signal = code or None
        return code > 0

    @property
    def failed(self) -> bool:
        """True if the run has stopped because images could not be read."""
        return self.error is not None or self.others_failed

    def raise_error(self) -> None:
        """Raise the error for which the run has stopped, if any."""
        if self.error:
            raise self.error
        if self.others_failed:
            raise ChildProcessError("another process of this training could not read its images, "
                                    "see its message; all have stopped")

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
        if self.can_leave:
            self.can_leave = False
            raise Leave
