"""Ctrl-C, SIGTERM, a closed terminal: one line, the exit code of shells, and never a traceback.

``quit_at_signals`` is in effect while a program imports its modules and after it has ended,
``signals_raised`` while it runs. A training finishes its step first: training/interrupt.py.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from util.console.streams import open_closed_streams, write_at_once

SIGNALS: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
    SIGNALS += (signal.SIGHUP,)  # the terminal was closed
Handler = Callable[[int, FrameType | None], None]


class Interrupted(KeyboardInterrupt):
    """A signal ends the program; the text, if any, names what is lost."""

    def __init__(self, number: int, text: str = "") -> None:
        super().__init__(text)
        self.number = number


def exit_code(stop: KeyboardInterrupt) -> int:
    """Return 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP, as shells do."""
    return 128 + (stop.number if isinstance(stop, Interrupted) else signal.SIGINT)


def explained(stop: KeyboardInterrupt, text: str) -> Interrupted:
    """Return the same exception with a text for the user."""
    return Interrupted(exit_code(stop) - 128, text)


def quit_at_signals() -> None:
    """End the process at a signal, with the line "Interrupted". Importing this needs no torch.

    Closed standard streams are opened first, since the line must not go into another file.
    """
    open_closed_streams()
    for number in SIGNALS:
        signal.signal(number, _quit)


@contextmanager
def handled(handler: Handler) -> Iterator[None]:
    """Call ``handler`` for all signals, and restore the earlier handlers at the end."""
    # Python sets and calls signal handlers only in the main thread.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def raise_interrupted(number: int, frame: FrameType | None = None) -> None:
    """Raise ``Interrupted`` in the main thread. A further signal ends the process at once."""
    quit_at_signals()
    raise Interrupted(number)


def _quit(number: int, frame: FrameType | None) -> None:
    # Complete files are safe: every file is written aside and renamed.
    write_at_once(1, b"Interrupted\n")
    os._exit(128 + number)
