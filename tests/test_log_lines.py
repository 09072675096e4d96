"""Log lines for consoles that are full, closed, not read, or of another encoding."""

import logging
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path

import pytest

from util.console import log_lines
from util.console.log_lines import ConsoleLog
from util.interrupts import SIGNALS

pytestmark = pytest.mark.skipif(not hasattr(select, "poll"), reason="no poll() on this system")
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIOWrapper]]:
    """A pipe: the number of its reading end, and a stream that writes to it."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="latin1") as stream:
        yield reader, stream
        os.close(reader)


def say(console: ConsoleLog, text: str) -> None:
    console.emit(logging.makeLogRecord({"msg": text}))


def test_a_pipe_that_is_not_read_does_not_stop_the_program(
    pipe: tuple[int, TextIOWrapper], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lines wait; those that do not fit into the queue are counted."""
    monkeypatch.setattr(log_lines, "_MOST_LINES", 40)
    monkeypatch.setattr(log_lines, "_FIRST_WAIT", 0.01)
    monkeypatch.setattr(log_lines, "_PATIENCE", 0.02)
    reader, stream = pipe
    console, line, start = ConsoleLog(stream), "x" * 9_999, time.monotonic()
    for _ in range(60):
        say(console, line)
    assert time.monotonic() - start < 5
    held = len(os.read(reader, 2**20))
    say(console, "the reader is back")
    text = b""
    while select.select([reader], [], [], 0)[0]:
        text += os.read(reader, 2**20)
        console._write_waiting(stream.fileno(), 0.0)
    lines = text.decode().splitlines()
    fitting = held // 10_000 + 40
    assert len(lines) == 41
    assert lines[-1] == f"({61 - fitting} lines are missing here)"
    for _ in range(9):
        say(console, line)
    console.close()  # nothing reads: gives up


def test_characters_that_the_console_does_not_have_become_escapes(
    pipe: tuple[int, TextIOWrapper]
) -> None:
    say(ConsoleLog(pipe[1]), "bilder_é_日/\udce9.png")
    assert os.read(pipe[0], 100) == b"bilder_\xe9_\\u65e5/\\udce9.png\n"


def test_a_reader_that_has_left_is_forgotten(capfd: pytest.CaptureFixture[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        console = ConsoleLog(stream)
        for _ in range(3):
            say(console, "line")
        stream.write("written by argparse")  # the end of the file flushes it
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_reported_once(capfd: pytest.CaptureFixture[str]) -> None:
    with open("/dev/full", "w") as stream:  # noqa: PTH123
        console = ConsoleLog(stream)
        for _ in range(3):
            say(console, "line")
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("the console cannot be written ([Errno 28]") == len(err.splitlines()) == 1


def test_closed_streams_are_opened_and_a_closed_terminal_is_a_signal(tmp_path: Path) -> None:
    """A file that is opened later does not become stdout."""
    program = ("from util import interrupts; interrupts.quit_at_signals(); "
               f"file = open({str(tmp_path / 'file')!r}, 'w'); assert file.fileno() > 2; "
               "import os, sys; print('out'); print('err', file=sys.stderr); os.kill(os.getpid(), "
               f"{max(SIGNALS)})")
    done = subprocess.run(["sh", "-c", f'"{sys.executable}" -c "$0" <&- >&- 2>&-', program],
                          cwd=ROOT, check=False)
    assert done.returncode == 128 + max(SIGNALS)
    assert (tmp_path / "file").read_text() == ""


def test_a_name_cannot_control_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    ConsoleLog(sys.stdout).emit(logging.LogRecord(
        "x", logging.INFO, "x", 1, "image %s\n\tnext ü", ("\x1b[31m\r\u202e\x9b.png",), None))
    assert capfd.readouterr().out == "image \\x1b[31m\\r\\u202e\\x9b.png\n\tnext ü\n"
