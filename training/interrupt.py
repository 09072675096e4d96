"""Stop a run after Ctrl-C or SIGTERM: the current step is finished, then the run is saved.

All processes stop after the same step, whichever of them got the signal.
"""

import logging
import signal
import threading
from types import FrameType

from util.distributed import all_reduce_max

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """A context that stores the first signal; a second one ends the program at once."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __enter__(self) -> "Interrupt":
        # Python calls signal handlers only in the main thread.
        self._active = threading.current_thread() is threading.main_thread()
        self._before = {number: signal.getsignal(number) for number in SIGNALS}
        if self._active:
            for number in SIGNALS:
                signal.signal(number, self._store)
        return self

    def __exit__(self, *error: object) -> None:
        self._restore()

    def requested(self) -> bool:
        """Return whether any process got a signal. All processes must call it after each step."""
        self.signal = all_reduce_max(self.signal or 0) or None
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """Exit code of shells: 130 after Ctrl-C, 143 after SIGTERM, 0 without a signal."""
        return 128 + self.signal if self.signal else 0

    def _store(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        self._restore()
        log.info("stopping after this step (a second signal stops at once, without saving)")

    def _restore(self) -> None:
        if self._active:
            for number, handler in self._before.items():
                signal.signal(number, handler)
