"""The training never waits for a display in a background thread, even if the display fails."""

import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from imagined_run import EPOCH_SIZE, losses, pictures, progress

from display.reports import LossReport, PictureReport, Progress
from display.sinks import background
from display.sinks.background import Background
from display.sinks.base_sink import Sink
from display.visualizer import Visualizer


class Gate(Sink):
    """Records its calls; a test can make it hang or fail."""

    title = "gate"

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self.opened = threading.Event()
        self.entered = threading.Event()
        self.failure: Exception | None = None
        self.opened.set()

    def start_epoch(self, progress: Progress) -> None:
        self._record("start_epoch", progress)

    def losses(self, report: LossReport) -> None:
        self._record("losses", report.progress)

    def pictures(self, report: PictureReport) -> None:
        self._record("pictures", report.progress)

    def end_epoch(self, progress: Progress) -> None:
        self._record("end_epoch", progress)

    def close(self) -> None:
        self._record("close", progress(1))

    def _record(self, kind: str, progress: Progress) -> None:
        self.entered.set()
        self.opened.wait()
        if self.failure:
            raise self.failure
        self.calls.append((kind, progress.images))


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()  # so that a thread that is blocked can end


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "the condition did not become true within 10 s"
        time.sleep(0.005)


def test_all_reports_arrive_in_order_before_the_close(gate: Gate) -> None:
    sink = Background(gate)
    sink.start_epoch(progress(1))
    for images in (100, 200, 300):
        sink.losses(losses(images))
    sink.pictures(pictures(300))
    sink.end_epoch(progress(400))
    sink.close()
    assert gate.calls == [
        ("start_epoch", 1), ("losses", 100), ("losses", 200), ("losses", 300), ("pictures", 300),
        ("end_epoch", 400), ("close", 1),
    ]


def test_sink_that_hangs_blocks_neither_the_caller_nor_the_end(
    gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    gate.opened.clear()
    sink = Background(gate, close_seconds=0.05)
    with Visualizer([sink]) as visualizer:
        visualizer.losses(losses(100))
        assert gate.entered.wait(10)
        for images in range(200, 2000, 100):
            visualizer.losses(losses(images))
            visualizer.pictures(pictures(images))
            visualizer.end_epoch(progress(images))
    assert gate.calls == [], "the sink must be blocked to the end"
    assert len(caplog.records) == 1
    assert "gate: did not finish within" in caplog.text


def test_sinks_that_hang_share_one_timeout(gate: Gate) -> None:
    gate.opened.clear()
    sinks = [Background(gate, close_seconds=0.5) for _ in range(6)]
    for sink in sinks:
        sink.losses(losses())
    begun = time.monotonic()
    Visualizer(sinks).close()
    assert time.monotonic() - begun < 6 * 0.5


def test_the_newest_image_replaces_others_but_losses_and_kept_images_wait(gate: Gate) -> None:
    gate.opened.clear()
    sink = Background(gate)
    sink.losses(losses(1))
    assert gate.entered.wait(10)
    for images in (100, 200, 500, 600):
        sink.losses(losses(images))
        sink.pictures(pictures(images))
        kept = PictureReport(progress(images), {}, keep=True)
        sink.pictures(kept)
    gate.opened.set()
    sink.close()
    assert [images for kind, images in gate.calls if kind == "losses"] == [1, 100, 200, 500, 600]
    # 600 is the newest for live displays; 200 and 600 are the last of each epoch, to be kept.
    assert [images for kind, images in gate.calls if kind == "pictures"] == [200, 600, 600]


def test_no_start_of_an_epoch_is_lost(gate: Gate) -> None:
    """The first start gives the position of a resumed run, and must come before its losses."""
    gate.opened.clear()
    sink = Background(gate)
    for images in (201, 401):
        sink.start_epoch(progress(images))
        sink.losses(losses(images + 10))
    gate.opened.set()
    sink.close()
    assert gate.calls[:2] == [("start_epoch", 201), ("losses", 211)]
    assert gate.calls[2:4] == [("start_epoch", 401), ("losses", 411)]


def test_a_full_queue_is_logged_once(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    gate.opened.clear()
    sink = Background(gate, pictures=2)
    for epoch in range(6):
        sink.pictures(PictureReport(progress(1 + epoch * EPOCH_SIZE), {}, keep=True))
        assert gate.entered.wait(10)
    gate.opened.set()
    sink.close()
    assert [images // EPOCH_SIZE for kind, images in gate.calls if kind == "pictures"] == [0, 4, 5]
    assert caplog.messages == ["gate: cannot keep up, some pictures are left out"]


def test_an_outage_and_its_end_are_logged_once(
    gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sink = Background(gate)

    def hand_over(images: int, failure: Exception | None) -> None:
        gate.failure = failure
        gate.entered.clear()
        sink.losses(losses(images))
        assert gate.entered.wait(10)
        wait_until(lambda: bool(sink._failing) is bool(failure))

    for number in (1, 2):
        hand_over(number * 100, OSError("disk full"))
        hand_over(number * 100 + 10, ValueError("a mistake"))
        hand_over(number * 100 + 20, None)
    sink.close()
    assert caplog.messages == ["gate: disk full. Training continues.", "gate: works again"] * 2


def test_the_thread_starts_after_the_workers_of_the_loader(gate: Gate) -> None:
    sink = Background(gate)
    sink.start_epoch(progress(1))
    assert not sink._thread.ident, "a fork copies the locks that other threads hold"
    sink.losses(losses())
    assert sink._thread.ident
    sink.close()


def test_a_sink_without_reports_is_not_closed(gate: Gate) -> None:
    Background(gate).close()
    assert gate.calls == []


def test_the_display_pauses_between_two_batches_but_not_at_the_end(gate: Gate) -> None:
    sink = Background(gate, pause_seconds=3600)
    sink.losses(losses(100))
    wait_until(lambda: gate.calls != [])
    sink.losses(losses(200))
    sink.losses(losses(300))
    assert gate.calls == [("losses", 100)]
    sink.close()
    assert gate.calls == [("losses", 100), ("losses", 200), ("losses", 300), ("close", 1)]


def test_the_end_waits_for_a_slow_display_and_tells_it(
    gate: Gate, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each report takes less than the limit, all of them more."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(background, "_QUIET_SECONDS", 0.05)
    record = gate._record

    def slow(kind: str, place: Progress) -> None:
        time.sleep(0.05)
        record(kind, place)

    monkeypatch.setattr(gate, "_record", slow)
    sink = Background(gate, close_seconds=0.15)
    for images in range(100, 900, 100):
        sink.losses(losses(images))
    sink.close()
    assert len(gate.calls) == 9
    assert caplog.messages == [
        "gate: waiting until the last reports are shown", "gate: complete"
    ]
