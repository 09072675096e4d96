"""Ctrl-C and SIGTERM as a request: the step in hand is finished, then the run is saved.

Of several processes, all stop after the same step, whichever of them got the signal.
"""

import logging
import signal
import threading
from types import FrameType

from util.distributed import all_reduce_max

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """A context in which the first signal is remembered; a second one ends the program at once."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __enter__(self) -> "Interrupt":
        # Python hands signals to the main thread alone.
        self._active = threading.current_thread() is threading.main_thread()
        self._before = {number: signal.getsignal(number) for number in SIGNALS}
        if self._active:
            for number in SIGNALS:
                signal.signal(number, self._remember)
        return self

    def __exit__(self, *error: object) -> None:
        self._restore()

    def asked(self) -> bool:
        """Whether any process was asked to stop. All of them must ask this after each step."""
        self.signal = all_reduce_max(self.signal or 0) or None
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """The shell's convention: 130 after Ctrl-C, 143 after SIGTERM, 0 without a signal."""
        return 128 + self.signal if self.signal else 0

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        self._restore()
        log.info("stopping after this step (once more: at once, without saving)")

    def _restore(self) -> None:
        if self._active:
            for number, handler in self._before.items():
                signal.signal(number, handler)
