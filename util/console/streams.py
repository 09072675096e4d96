"""The standard streams: closed ones are opened, and a write never waits for a reader.

This module imports no torch, so that it can be used before imports that take seconds.
"""

import contextlib
import os
import select
import sys


def open_closed_streams() -> None:
    """Open the standard streams that the caller has closed (``>&- 2>&-``) on the null device.

    Otherwise the next file that is opened, such as a checkpoint, gets the number of the stream,
    and what a library prints is written into it.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            replace_by_null(number)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115  (for the whole program)


def write_at_once(number: int, text: bytes) -> None:
    """Write a short text to a stream, unless that fails or would have to wait."""
    with contextlib.suppress(OSError):
        if not hasattr(select, "poll") or is_ready(number, 0.0):
            os.write(number, text)


def is_ready(number: int, seconds: float | None) -> bool:
    """Return True when a write would not block, or would raise; False after ``seconds``.

    None: wait without a limit.
    """
    poll = select.poll()
    poll.register(number, select.POLLOUT)
    return bool(poll.poll(None if seconds is None else seconds * 1000))


def replace_by_null(number: int) -> None:
    """Let the stream ``number`` discard what is written to it."""
    null = os.open(os.devnull, os.O_RDWR)
    if null == number:
        os.set_inheritable(number, True)
        return
    os.dup2(null, number)
    os.close(null)
