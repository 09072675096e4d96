"""The real visdom client and servers that answer, hang, are missing, or return."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_visdom import FakeVisdom, answering, hung, talking, unused_port
from imagined_run import losses, pictures

from display.sinks import visdom_client
from display.sinks.background import Background
from display.sinks.visdom_sink import VisdomServer


@pytest.fixture(autouse=True)
def visdom_without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("visdom", reason="visdom is not installed")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def display(tmp_path: Path) -> Any:
    opened = []

    def open_display(port: int) -> Background:
        client = visdom_client.connect(server="http://127.0.0.1", port=port, env="mine")
        opened.append(client)
        windows = VisdomServer(
            client, name="maps", display_id=1, columns=4, width_px=256,
            losses_csv=tmp_path / "losses.csv", options={},
        )
        return Background(windows, pictures=1)

    yield open_display
    for client in opened:
        client.session.close()


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "the condition did not become true within 10 s"
        time.sleep(0.005)


def points(server: FakeVisdom) -> int:
    return len(server.windows["1"]["data"][0]["x"]) if "1" in server.windows else 0


def test_running_server_gets_curves_and_images(
    display: Callable[[int], Background], caplog: pytest.LogCaptureFixture
) -> None:
    with answering() as server:
        sink = display(server.port)
        sink.losses(losses())
        sink.pictures(pictures())
        sink.close()
    assert server.windows.keys() == {"1", "1_group_2", "1_lr", "1_options", "2"}
    shown = [server.windows[window]["data"][0] for window in ("1", "1_group_2")]
    assert [trace["name"] for trace in shown] == ["G_GAN", "G_L1"]
    assert [trace["line"]["color"] for trace in shown] == ["#0072b2", "#d55e00"]
    assert {message["eid"] for message in server.received} == {"mine"}
    picture = server.windows["2"]["data"][0]["content"]["src"]
    assert picture.startswith("data:image/png;base64,")
    assert caplog.messages == []


def test_missing_server_is_logged_once(
    display: Callable[[int], Background], caplog: pytest.LogCaptureFixture
) -> None:
    port = unused_port()
    sink = display(port)
    for images in range(100, 1000, 100):
        sink.losses(losses(images))
        sink.pictures(pictures(images))
        wait_until(lambda: not sink._waiting)
    sink.close()
    assert len(caplog.records) == 1
    assert f"no server answers at http://127.0.0.1:{port}" in caplog.text
    assert "python scripts/live_plots.py" in caplog.text
    assert "Training continues" in caplog.text


def test_hanging_server_times_out_and_is_logged_once(
    display: Callable[[int], Background],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(visdom_client, "_TIMEOUT_SECONDS", (0.05, 0.05))
    with hung() as port:
        sink = display(port)
        for images in range(100, 500, 100):
            sink.losses(losses(images))
            wait_until(lambda: not sink._waiting)
        sink.close()
    assert len(caplog.records) == 1
    assert f"the server at http://127.0.0.1:{port} does not answer" in caplog.text


def test_error_page_is_reported(
    display: Callable[[int], Background], caplog: pytest.LogCaptureFixture
) -> None:
    with answering() as server:
        server.status = 403
        sink = display(server.port)
        sink.losses(losses())
        sink.close()
    assert len(caplog.records) == 1
    assert "reported: 403" in caplog.text


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(("start", "more", "pause_seconds"), [
    (OK + b"\r\n", b"x" * 65536, 0),
    (OK + b"Content-Length: 100000000000\r\n\r\n", b"x" * 65536, 0),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n", 0),
    (OK + b"X: ", b"x" * 65536, 0), (OK, b"X: y\r\n" * 1000, 0),
    (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, 0),
    (OK + b"\r\n", b"x", 0.03), (OK + b"X: ", b"x", 0.03), (b"", b"x", 0.03),
    (OK + b"Content-Length: 100000\r\n\r\n", b"x", 0.03),
])
def test_answer_without_end_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, start: bytes, more: bytes, pause_seconds: float
) -> None:
    monkeypatch.setattr(visdom_client, "_TIMEOUT_SECONDS", (2.0, 0.2))
    with talking(start, more, pause_seconds=pause_seconds) as port:
        client = visdom_client.connect(server="http://127.0.0.1", port=port, env="mine")
        began, used = time.monotonic(), time.process_time()
        with pytest.raises(ConnectionError, match=r"the server at|no server answers at"):
            client.has_window("1")
        assert time.monotonic() - began < 1.5
        assert time.process_time() - used < 1
        client.session.close()


def test_long_answer_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visdom_client, "_LONGEST_ANSWER_BYTES", 1000)
    with answering() as server:
        client = visdom_client.connect(server="http://127.0.0.1", port=server.port, env="mine")
        monkeypatch.setattr(server, "answer", lambda path, message: b"x" * 1000)
        assert client._send({"win": "1"}, endpoint="win_exists") == "x" * 1000
        monkeypatch.setattr(server, "answer", lambda path, message: b"x" * 1001)
        with pytest.raises(ConnectionError, match="does not answer as visdom does"):
            client._send({"win": "1"}, endpoint="win_exists")
        client.session.close()


def test_server_that_is_open_to_web_pages_is_reported_once(
    display: Callable[[int], Background], caplog: pytest.LogCaptureFixture
) -> None:
    with answering() as server:
        server.headers = {}
        sink = display(server.port)
        sink.losses(losses())
        sink.close()
    (record,) = caplog.records
    assert "was not started by python scripts/live_plots.py" in record.getMessage()


def test_curves_are_complete_on_a_server_that_returns(
    display: Callable[[int], Background],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server runs, stops, hangs, and runs again; no report is missing."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(visdom_client, "_TIMEOUT_SECONDS", (0.05, 0.05))
    with answering() as server:
        sink = display(server.port)
        sink.losses(losses(100))
        sink.pictures(pictures(100))
        wait_until(lambda: "2" in server.windows)
    sink.losses(losses(200))
    wait_until(lambda: bool(sink._failing))
    with hung(server.port):
        sink.losses(losses(300))
        wait_until(lambda: not sink._waiting)
    monkeypatch.setattr(visdom_client, "_TIMEOUT_SECONDS", (2, 10))
    with answering(server.port) as again:
        sink.losses(losses(400))
        wait_until(lambda: points(again) == 4)
        sink.close()
    assert again.windows["1"]["data"][0]["x"] == [0.25, 0.5, 0.75, 1.0]
    assert again.windows.keys() == {"1", "1_group_2", "1_lr", "1_options", "2"}
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert caplog.messages[-1] == "visdom display: works again"


def test_display_uses_one_daemon_thread(
    display: Callable[[int], Background],
) -> None:
    before = set(threading.enumerate())
    with hung() as port:
        sink = display(port)
        sink.losses(losses())
        (thread,) = set(threading.enumerate()) - before
        assert thread.daemon
    sink.close()
