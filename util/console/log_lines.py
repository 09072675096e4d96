"""Log lines for a console that is slow, full, closed, or of another encoding.

A program that saves its results to files does not end, and does not wait, because of its console.
"""

import errno
import logging
import os
import re
import select
import sys
from collections import deque

from util.console.streams import is_ready, open_closed_streams, replace_by_null, write_at_once

_MOST_LINES = 10_000  # that wait for a reader: a few MB
_FIRST_WAIT = 0.5  # seconds for a reader; it is not waited for again while lines wait
_PATIENCE = 10.0  # seconds without a reader before the last lines are given up
_CHUNK = getattr(select, "PIPE_BUF", 512)  # bytes: if a pipe is ready, as many never block

# Control characters, and those that reorder a line; they may be in the name of a file.
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Escape characters that would control a terminal, except line ends and tabs."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def start_logging() -> None:
    """Log plain lines to stdout; processes other than the main one log only errors."""
    open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # Characters that the terminal does not have, and bytes of names, become \\xe9, \\udce9.
            stream.reconfigure(errors="backslashreplace")
    level, line = logging.INFO, "%(message)s"
    rank = os.environ.get("RANK", "0")
    if rank != "0":
        level, line = logging.ERROR, f"process {rank}: %(message)s"
    logging.basicConfig(level=level, format=line, handlers=[ConsoleLog(sys.stdout)])
    logging.captureWarnings(True)  # else a warning would wait for the reader of stderr


class ConsoleLog(logging.StreamHandler):  # type: ignore[type-arg]  # no [TextIO] before 3.11
    """Writes lines to a stream, and keeps them while its reader does not read.

    After the reader has closed the pipe, as ``| head`` does, lines are dropped. A line that cannot
    be written, because the disk is full, is dropped too, and stderr names the reason once. At the
    end of the program, ``close`` waits for a reader that is slow; a person may be reading, if
    stderr is a terminal.
    """

    def __init__(self, stream: object) -> None:
        super().__init__(stream)
        self._waiting: deque[bytes] = deque()
        self._process = os.getpid()
        self._missing = 0  # lines that were dropped since the last line that was written
        self._is_writing = self._is_stalled = self._has_reader_left = self._was_reported = False

    def emit(self, record: logging.LogRecord) -> None:
        number = self._number()
        if number is None:
            super().emit(record)
            return
        try:
            text = f"{self.format(record)}\n"
        except Exception:
            self.handleError(record)
            return
        if self._has_reader_left:
            return
        if self._process != os.getpid():  # a fork: these lines are written by its parent
            self._waiting.clear()
            self._process = os.getpid()
        if len(self._waiting) < _MOST_LINES:
            encoding = getattr(self.stream, "encoding", None) or "utf-8"
            self._waiting.append(text.encode(encoding, errors="backslashreplace"))
        else:
            self._missing += 1
        self._write_waiting(number, 0.0 if self._is_stalled else _FIRST_WAIT)

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))

    def flush(self) -> None:
        """Flush what others have written to the standard streams. An error is reported once."""
        for stream in {self.stream, sys.stderr}:
            try:
                stream.flush()
            except OSError as error:
                self._report(error)
                # Otherwise the flush of the interpreter at its end fails, with exit code 120.
                replace_by_null(stream.fileno())
            except ValueError:  # it is closed
                continue

    def close(self) -> None:
        number = self._number()
        if number is not None and self._waiting:
            is_watched = sys.stderr.isatty()
            self._write_waiting(number, None if is_watched else _PATIENCE)
        super().close()

    def _number(self) -> int | None:
        """Return the number of the stream; None if it has none, or on Windows.

        In a notebook it would be that of the terminal where the notebook was started.
        """
        if type(self.stream).__module__.startswith("ipykernel"):
            return None
        try:
            return self.stream.fileno() if hasattr(select, "poll") else None
        except (OSError, ValueError, AttributeError):
            return None

    def _write_waiting(self, number: int, seconds: float | None) -> None:
        """Write lines until none is left, or the reader has not read for ``seconds``."""
        if self._is_writing:  # a signal handler logs while a line is being written
            return
        self._is_writing = True
        try:
            while self._waiting and is_ready(number, seconds):
                line = self._waiting[0]
                written = os.write(number, line[:_CHUNK])
                if written < len(line):
                    self._waiting[0] = line[written:]
                    continue
                self._waiting.popleft()
                if self._missing and not self._waiting:
                    lines, self._missing = self._missing, 0
                    self._waiting.append(b"(%d lines are missing here)\n" % lines)
        except BlockingIOError:
            pass
        except OSError as error:
            self._drop(number, error)
        finally:
            self._is_writing = False
            self._is_stalled = bool(self._waiting)

    def _drop(self, number: int, error: OSError) -> None:
        self._missing += len(self._waiting)
        self._waiting.clear()
        if error.errno == errno.EPIPE:
            self._has_reader_left = True
            replace_by_null(number)
        else:
            self._report(error)

    def _report(self, error: OSError) -> None:
        if self._was_reported or error.errno == errno.EPIPE:
            return
        self._was_reported = True
        text = f"the console cannot be written ({error}); the program continues without it\n"
        write_at_once(2, text.encode("ascii", errors="backslashreplace"))
