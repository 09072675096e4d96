"""The terminal: plain lines, or a progress bar with the time left for the run."""

import fcntl
import io
import logging
import os
import re
import struct
import sys
import termios
from collections.abc import Callable, Iterator

import pytest
from imagined_run import EPOCH_SIZE, LINE, losses, progress

from display.reports import Progress, StatusReport
from display.sinks.console_sink import Console, RunStatus, duration


def test_without_a_terminal_the_console_logs_plain_lines(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    console = Console()
    with caplog.at_level(logging.INFO):
        console.start_epoch(progress(1))
        console.advance(progress(100))
        console.losses(losses())
        console.end_epoch(progress(400))
    console.close()
    assert caplog.messages[0].startswith("training starts: epoch 1 of 3, 1 of its 400 images done")
    assert caplog.messages[1] == LINE
    assert re.fullmatch(r"End of epoch 1 / 3 \t Time Taken: \d+ sec", caplog.messages[2])
    assert capsys.readouterr().err == ""


def test_log_lines_do_not_break_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler(sys.stdout)
    logging.getLogger().addHandler(handler)
    logging.getLogger("display.sinks.console_sink").setLevel(logging.INFO)
    console = Console(bar=True)
    try:
        console.start_epoch(Progress(1, 3, 0, 0, EPOCH_SIZE))
        console.advance(progress(100))
        console.losses(losses(100))
        console.end_epoch(progress(400))
    finally:
        console.close()
        logging.getLogger().removeHandler(handler)
        logging.getLogger("display.sinks.console_sink").setLevel(logging.NOTSET)
    out, err = capsys.readouterr()
    assert out.startswith(LINE + "\nEnd of epoch 1 / 3 \t")
    bar = err.split("\r")
    assert any("epoch 1/3" in part and "100/400" in part for part in bar)
    assert any("run " in part and "G_GAN=1.234 G_L1=20.100" in part for part in bar)
    assert any(re.search(r"400 \[ *[\d.]+ img/s, \d\d:\d\d left, run \d+:\d\d left; ", part)
               for part in bar), "speed, time left for the epoch, time left for the run"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], io.StringIO]]:
    """Return a function that replaces stderr by a file with the size of a terminal."""
    master, slave = os.openpty()

    def resize(columns: int) -> io.StringIO:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
        file = io.StringIO()
        monkeypatch.setattr(file, "fileno", lambda: slave, raising=False)
        monkeypatch.setattr(sys, "stderr", file)
        return file

    yield resize
    os.close(master)
    os.close(slave)


def drawn_bars(file: io.StringIO) -> list[str]:
    return [part.rstrip() for part in file.getvalue().split("\r") if part.startswith("epoch")]


@pytest.mark.parametrize(("columns", "shown"), [(80, 0), (120, None), (150, None), (300, 8)])
def test_bar_shows_as_many_losses_as_fit(
    terminal: Callable[[int], io.StringIO], columns: int, shown: int | None
) -> None:
    file = terminal(columns)
    console = Console(bar=True)
    console.start_epoch(progress(1))
    console.losses(losses(**{f"cycle_{number}": 0.5 for number in range(8)}))
    console.advance(progress(200))
    console._bar.refresh()
    console.close()
    last = drawn_bars(file)[-1]
    assert len(last) <= columns
    whole = re.fullmatch(r".*\|(.*)\| 200/400 \[.* run \d:\d\d left(; .*)?\]", last)
    assert whole, last
    bar, text = len(whole[1]), whole[2] or ""
    count = text.count("=0.500")
    assert text == "; " * bool(count) + " ".join(f"cycle_{number}=0.500" for number in range(count))
    if shown is not None:
        assert count == shown
    else:
        assert 0 < count < 8
        assert 8 <= bar < 8 + len(" cycle_0=0.500"), "one loss more or less would fit"


def test_first_drawing_of_a_later_epoch_shows_the_time_left(
    terminal: Callable[[int], io.StringIO],
) -> None:
    file = terminal(120)
    console = Console(bar=True)
    console.start_epoch(progress(1))
    console.advance(progress(400))
    console.losses(losses(400))
    console.end_epoch(progress(400))
    console.start_epoch(Progress(2, 3, 400, 0, EPOCH_SIZE))
    console.close()
    first = next(line for line in drawn_bars(file) if "epoch 2/3" in line)
    assert re.search(r"\| 0/400 \[.*, run 0:0\d left\]$", first)


def test_bar_of_a_resumed_epoch_starts_at_its_position(
    terminal: Callable[[int], io.StringIO],
) -> None:
    file = terminal(120)
    console = Console(bar=True)
    console.start_epoch(Progress(21, 40, 0, 100, EPOCH_SIZE))
    console.close()
    assert re.match(r"epoch 21/40  25%\|.*\| 100/400 \[.*, run \? left\]", drawn_bars(file)[0])


def test_time_left_is_for_the_whole_run_and_starts_at_the_resumed_image() -> None:
    status = RunStatus(progress(200), started=50.0)
    assert status.seconds_left(now=60.0) is None
    status.progress = progress(400)
    assert status.seconds_left(now=60.0) == pytest.approx(800 * 10 / 200)


def test_lines_without_a_terminal_show_speed_and_time_left(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first step takes 20 s, all others 2 s for 4 images: the first is not part of the mean."""
    now = [1000.0]
    monkeypatch.setattr("display.sinks.console_sink.time.monotonic", lambda: now[0])
    console = Console(bar=False)
    console.start_epoch(Progress(1, 3, 0, 0, EPOCH_SIZE))
    caplog.set_level(logging.INFO)
    for images in range(4, 44, 4):
        now[0] += 20 if images == 4 else 2
        console.advance(progress(images))
        if images in (4, 40):
            console.status(StatusReport(progress(images), {"G_L1": 20.1, "D_real": 0.5}))
    assert caplog.messages == [
        "epoch 1/3, image 4/400: the first step took 20.0 s, epoch 33:00 left, run 1:39:40 left; "
        "G_L1: 20.100 D_real: 0.500",
        "epoch 1/3, image 40/400: 2 images/s, epoch 3:00 left, run 9:40 left; "
        "G_L1: 20.100 D_real: 0.500",
    ]


def test_durations() -> None:
    assert [duration(s) for s in (7.4, 247, 3723, 183840)] == [
        "0:07",
        "4:07",
        "1:02:03",
        "2 d 03:04",
    ]
