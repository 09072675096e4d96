"""visdom: what is sent to its windows."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imagined_run import EPOCH_SIZE, losses, pictures, progress

from display.reports import LossReport, Progress
from display.sinks import visdom_client
from display.sinks.csv_sink import CsvLog
from display.sinks.visdom_sink import VisdomServer


class RecordingClient:
    """Replaces visdom.Visdom."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any, dict[str, Any]]] = []
        self.failure: Exception | None = None
        self.closed: list[str] = []

    def close(self, window: str) -> None:
        self.closed.append(window)

    def line(self, values: np.ndarray[Any, Any], **named: Any) -> None:
        self._record("line", values, named)

    def image(self, values: np.ndarray[Any, Any], **named: Any) -> None:
        self._record("image", values, named)

    def text(self, text: str, **named: Any) -> None:
        self._record("text", text, named)

    def has_window(self, window: str) -> bool:
        return any(named["win"] == window for _, _, named in self.sent)

    def last(self, window: str) -> tuple[Any, dict[str, Any]]:
        return [(what, named) for _, what, named in self.sent if named["win"] == window][-1]

    def _record(self, kind: str, what: Any, named: dict[str, Any]) -> None:
        if self.failure:
            raise self.failure
        self.sent.append((kind, what, named))


def display(
    client: object, run_dir: Path, *, columns: int = 4, **options: object
) -> VisdomServer:
    return VisdomServer(
        client, name="maps", display_id=1, columns=columns, width_px=256,
        losses_csv=run_dir / "losses.csv", options=options,
    )


def test_visdom_redraws_all_losses_in_one_plot(tmp_path: Path) -> None:
    client = RecordingClient()
    sink = display(client, tmp_path)
    sink.start_epoch(progress(1))
    sink.losses(losses(100))
    sink.refresh()
    sink.losses(losses(600, G_GAN=2.0, G_L1=float("inf")))
    sink.refresh()
    large, _ = client.last("1_group_2")
    assert np.array_equal(large, [[20.1], [np.nan]], equal_nan=True)
    values, named = client.last("1")
    assert values.tolist() == [[1.234], [2.0]]
    assert named["X"].tolist() == [0.25, 1.5]
    assert named["opts"]["title"] == "maps loss over time: GAN losses of G"
    assert (named["opts"]["xlabel"], named["opts"]["ylabel"]) == ("epoch", "loss")
    assert named["opts"]["legend"] == ["G_GAN"]
    assert named["opts"]["linecolor"].tolist() == [[0, 114, 178]]
    assert named["opts"]["showlegend"]
    assert "update" not in named, "the time to append grows with the curve"


def test_names_are_not_read_as_formatting(tmp_path: Path) -> None:
    client = RecordingClient()
    sink = replace(display(client, tmp_path), name="a<b>c")
    sink.losses(losses(100, **{"G<i>&": 1.0}))
    sink.refresh()
    opts = client.last("1")[1]["opts"]
    assert opts["title"].startswith("a<b>c loss over time")  # of the window, which escapes it
    assert opts["layoutopts"]["plotly"]["title"].startswith("a&lt;b&gt;c loss over time")
    assert opts["legend"] == ["G&lt;i&gt;&amp;"]


def test_visdom_shows_the_learning_rate(tmp_path: Path) -> None:
    client = RecordingClient()
    sink = display(client, tmp_path)
    for images, rate in [(100, 2e-4), (500, 1e-4)]:
        sink.losses(LossReport(progress(images), {"G": 1.0}, 0.1, 0.0, rate))
    sink.refresh()
    values, named = client.last("1_lr")
    assert values.tolist() == [[2e-4], [1e-4]]
    assert named["X"].tolist() == [0.25, 1.25]
    assert named["opts"]["title"] == "maps learning rate"


def test_visdom_shows_the_options_as_text_and_once(tmp_path: Path) -> None:
    client = RecordingClient()
    sink = display(client, tmp_path, lr=0.1, name="<script>")
    for images in (100, 200):
        sink.losses(losses(images))
        sink.refresh()
    shown = [(what, named) for kind, what, named in client.sent if kind == "text"]
    assert len(shown) == 1
    text, named = shown[0]
    assert "<td>lr</td><td>0.1</td>" in text
    assert "&lt;script&gt;" in text
    assert "<script>" not in text
    assert (named["win"], named["opts"]["title"]) == ("1_options", "maps options")


def test_long_curves_are_thinned(tmp_path: Path) -> None:
    client = RecordingClient()
    sink = display(client, tmp_path)
    for images in range(1, 4001):
        sink.losses(losses(images))
    sink.refresh()
    assert client.last("1")[0].shape == (1000, 1)
    assert client.last("1_lr")[0].shape == (1000, 1)


def test_curves_continue_after_a_resume(tmp_path: Path) -> None:
    for images in (100, 200, 300):
        CsvLog(tmp_path / "losses.csv").losses(losses(images))
    client = RecordingClient()
    sink = display(client, tmp_path)
    sink.start_epoch(progress(200))
    sink.losses(losses(400))
    sink.refresh()
    for window in ("1", "1_lr"):
        assert client.last(window)[1]["X"].tolist() == [0.25, 0.5, 1.0]


def test_curves_continue_if_images_are_counted_from_0(tmp_path: Path) -> None:
    for images in (200, 400):
        CsvLog(tmp_path / "losses.csv").losses(losses(images))
    client = RecordingClient()
    sink = display(client, tmp_path)
    sink.start_epoch(Progress(2, 3, 0, 0, EPOCH_SIZE))
    sink.losses(losses(600))
    sink.refresh()
    assert client.last("1")[1]["X"].tolist() == [0.5, 1.0, 1.5]


def test_visdom_shows_a_grid_or_a_window_per_image(tmp_path: Path) -> None:
    client = RecordingClient()
    for columns in (4, 0):
        sink = display(client, tmp_path, columns=columns)
        sink.pictures(pictures())
        sink.refresh()
    grid, *single = (sent for sent in client.sent if sent[0] == "image")
    assert grid[1].shape[0] == 3
    assert (grid[2]["win"], grid[2]["opts"]["title"]) == ("2", "maps images")
    assert grid[2]["opts"]["width"] == 512
    assert [(s[1].shape, s[2]["win"], s[2]["opts"]["title"]) for s in single] == [
        ((3, 8, 8), "2", "real_A"),
        ((3, 8, 8), "3", "fake_B"),
    ]


def test_a_part_that_could_not_be_sent_is_sent_later(tmp_path: Path) -> None:
    client = RecordingClient()
    sink = display(client, tmp_path)
    client.failure = ConnectionError("gone")
    sink.losses(losses())
    sink.pictures(pictures())
    with pytest.raises(ConnectionError):
        sink.refresh()
    client.failure = None
    sink.refresh()
    assert [named["win"] for _, _, named in client.sent] == [
        "1_options", "1", "1_group_2", "1_lr", "2"
    ]
    sink.refresh()
    assert len(client.sent) == 5, "nothing has changed, so nothing is sent"


def test_server_restarted_between_two_reports_gets_every_window(tmp_path: Path) -> None:
    client = RecordingClient()
    sink = display(client, tmp_path)
    sink.losses(losses(100))
    sink.pictures(pictures(100))
    sink.refresh()
    client.sent.clear()
    sink.losses(losses(200))
    sink.refresh()
    assert [named["win"] for _, _, named in client.sent] == [
        "1_options", "1", "1_group_2", "1_lr", "2"
    ]
    assert client.last("1")[1]["X"].tolist() == [0.25, 0.5]


def test_missing_package_is_logged_in_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "visdom", None)
    assert visdom_client.connect(server="http://localhost", port=8097, env="main") is None
    assert len(caplog.records) == 1
    assert "python scripts/live_plots.py" in caplog.text


def test_validations_have_their_own_window(tmp_path: Path) -> None:
    """The window also shows validations of an earlier start; the window of the losses has none."""
    log = CsvLog(tmp_path / "losses.csv", ["val_l1"])
    log.losses(losses(100))
    log.losses(replace(losses(200), validation={"val_l1": 0.5}))
    client = RecordingClient()
    sink = display(client, tmp_path)
    sink.start_epoch(progress(200))
    sink.losses(losses(300))
    sink.losses(replace(losses(400), validation={"val_l1": 0.25}))
    sink.refresh()
    values, found = client.last("1_validation")
    assert (found["X"].tolist(), values.tolist()) == ([0.5, 1.0], [[0.5], [0.25]])
    assert client.last("1")[1]["X"].tolist() == [0.25, 0.5, 0.75, 1.0]
    legends = [client.last(window)[1]["opts"]["legend"] for window in ("1", "1_group_2")]
    assert legends == [["G_GAN"], ["G_L1"]]


def test_a_window_of_a_group_that_no_longer_exists_is_closed(tmp_path: Path) -> None:
    client = RecordingClient()
    sink = display(client, tmp_path)
    sink.losses(losses(100, one=1.0, two=90.0))
    sink.refresh()
    for images in (200, 300):
        sink.losses(losses(images, one=1.0, two=2.0))
    sink.refresh()
    assert client.closed == ["1_group_2"]
    assert client.last("1")[1]["opts"]["legend"] == ["one", "two"]
