"""visdom: what it is sent, and that training goes on without it."""

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from imagined_run import EPOCH_SIZE, losses, pictures, progress

from util.sinks import Progress, visdom_server
from util.sinks.csv_log import CsvLog
from util.sinks.visdom_server import VisdomServer


class RecordingClient:
    """Stands in for visdom.Visdom."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, np.ndarray[Any, Any], dict[str, Any]]] = []
        self.failure: OSError | None = None

    def line(self, values: np.ndarray[Any, Any], **named: Any) -> None:
        self._record("line", values, named)

    def image(self, values: np.ndarray[Any, Any], **named: Any) -> None:
        self._record("image", values, named)

    def _record(self, kind: str, values: np.ndarray[Any, Any], named: dict[str, Any]) -> None:
        self.sent.append((kind, values, named))
        if self.failure:
            raise self.failure


def display(client: object, run_dir: Path, *, columns: int = 4) -> VisdomServer:
    return VisdomServer(
        client, name="maps", display_id=1, columns=columns, width_px=256,
        losses_csv=run_dir / "losses.csv",
    )


def test_visdom_redraws_all_losses_in_one_plot(tmp_path: Path) -> None:
    client = RecordingClient()
    sink = display(client, tmp_path)
    sink.start_epoch(progress(1))
    sink.losses(losses(100))
    sink.losses(losses(600, G_GAN=2.0, G_L1=float("inf")))
    kind, values, named = client.sent[-1]
    assert kind == "line"
    assert np.array_equal(values, [[1.234, 20.1], [2.0, np.nan]], equal_nan=True)
    assert named["X"].tolist() == [1.25, 2.5]
    assert named["win"] == "1"
    assert named["opts"]["title"] == "maps loss over time"
    assert (named["opts"]["xlabel"], named["opts"]["ylabel"]) == ("epoch", "loss")
    assert named["opts"]["legend"] == ["G_GAN", "G_L1"]
    assert "update" not in named


def test_visdom_curve_goes_on_after_a_resume(tmp_path: Path) -> None:
    for images in (100, 200, 300):
        CsvLog(tmp_path / "losses.csv").losses(losses(images))
    client = RecordingClient()
    sink = display(client, tmp_path)
    sink.start_epoch(progress(200))
    sink.losses(losses(400))
    assert client.sent[-1][2]["X"].tolist() == [1.25, 1.5, 2.0]


def test_visdom_curve_goes_on_where_images_count_anew(tmp_path: Path) -> None:
    for images in (200, 400):
        CsvLog(tmp_path / "losses.csv").losses(losses(images))
    client = RecordingClient()
    sink = display(client, tmp_path)
    sink.start_epoch(Progress(2, 3, 0, 0, EPOCH_SIZE))
    sink.losses(losses(600))
    assert client.sent[-1][2]["X"].tolist() == [1.5, 2.0, 2.5]


def test_visdom_shows_a_grid_or_a_window_per_picture(tmp_path: Path) -> None:
    client = RecordingClient()
    display(client, tmp_path).pictures(pictures())
    display(client, tmp_path, columns=0).pictures(pictures())
    grid, *single = client.sent
    assert grid[1].shape[0] == 3
    assert (grid[2]["win"], grid[2]["opts"]["title"]) == ("2", "maps images")
    assert grid[2]["opts"]["width"] == 512
    assert [(s[1].shape, s[2]["win"], s[2]["opts"]["title"]) for s in single] == [
        ((3, 8, 8), "2", "real_A"),
        ((3, 8, 8), "3", "fake_B"),
    ]


def test_visdom_that_fails_is_dropped_with_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = RecordingClient()
    client.failure = ConnectionError("server gone")
    sink = display(client, tmp_path)
    sink.losses(losses())
    sink.losses(losses())
    sink.pictures(pictures())
    assert len(client.sent) == 1
    assert len(caplog.records) == 1
    assert "server gone" in caplog.text
    assert "Training goes on" in caplog.text


def test_missing_visdom_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "visdom", None)
    assert visdom_server.connect(server="http://localhost", port=8097, env="main") is None
    assert len(caplog.records) == 1
    assert "python -m visdom.server -bind_local" in caplog.text


class FakeVisdomServer(BaseHTTPRequestHandler):
    status = 200
    received: ClassVar[list[tuple[str, Any]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((self.path, json.loads(body)))
        self.send_response(self.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def visdom_port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    pytest.importorskip("visdom", reason="visdom is not installed")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    FakeVisdomServer.received.clear()
    server = HTTPServer(("127.0.0.1", 0), FakeVisdomServer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_real_visdom_client_posts_plot_and_pictures(visdom_port: int, tmp_path: Path) -> None:
    client = visdom_server.connect(server="http://127.0.0.1", port=visdom_port, env="mine")
    sink = display(client, tmp_path)
    sink.losses(losses())
    sink.pictures(pictures())
    client.session.close()
    (_, plot), (_, image) = FakeVisdomServer.received[-2:]
    assert [trace["name"] for trace in plot["data"]] == ["G_GAN", "G_L1"]
    assert (plot["eid"], plot["win"]) == ("mine", "1")
    assert image["data"][0]["content"]["src"].startswith("data:image/png;base64,")


def test_error_page_of_a_visdom_server_is_an_error(
    visdom_port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(FakeVisdomServer, "status", 403)
    assert visdom_server.connect(server="http://127.0.0.1", port=visdom_port, env="main") is None
    assert "no server answers" in caplog.text
    assert len(caplog.records) == 1
