"""What the log files hold, from the reports of an imagined run."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from imagined_run import EPOCH_SIZE, LINE, losses, pictures, progress

from display.curves import read_curves
from display.reports import LossReport
from display.sinks import Sink, tensorboard_files, visdom_server, wandb_run
from display.sinks.background import Background
from display.sinks.console import Console
from display.sinks.csv_log import CsvLog
from display.sinks.doctor_log import DoctorLog
from display.sinks.loss_log import LossLog
from display.visualizer import Visualizer, build_sinks

# The reports


def test_epoch_position_and_images_left() -> None:
    assert progress(600).epoch_position == 2.5
    assert progress(600).images_left == 600
    assert progress(1200).images_left == 0


def test_data_share_is_a_share() -> None:
    assert LossReport(progress(1), {}, 0.2, 0.05, 0.1).data_share == 0.25
    assert LossReport(progress(1), {}, 0.0, 0.0, 0.1).data_share == 0.0


# Text files


def test_loss_log_has_one_header_per_start_and_the_exact_lines(tmp_path: Path) -> None:
    path = tmp_path / "loss_log.txt"
    for _ in range(2):
        log = LossLog(path)
        log.losses(losses())
    lines = path.read_text().split("\n")
    assert lines[0].startswith("================ Training Loss (")
    assert lines[0].endswith(") ================")
    assert lines[1] == LINE
    assert lines[2].startswith("================ Training Loss (")
    assert lines[3:] == [LINE, ""]


def test_csv_is_continued_and_its_header_written_once(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    CsvLog(path).losses(losses(100))
    CsvLog(path).losses(losses(600))
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "epoch", "images", "epoch_images", "G_GAN", "G_L1", "lr", "seconds", "data_share"
    ]
    assert list(rows[1].values()) == ["2", "600", "200", "1.234", "20.1", "0.0002", "0.088", "1.0"]
    assert len(rows) == 2


def test_csv_keeps_losses_in_full_precision(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    CsvLog(path).losses(losses(G=1 / 3))
    assert read_curves(path, epoch_size=EPOCH_SIZE).losses == {"G": [1 / 3]}


def test_csv_of_other_losses_is_kept_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "losses.csv"
    for name in ("first", "second", "third"):
        CsvLog(path).losses(losses(**{name: 1.0}))
    assert "first" in (tmp_path / "losses.1.csv").read_text()
    assert "second" in (tmp_path / "losses.2.csv").read_text()
    assert "third" in path.read_text()
    assert len(caplog.records) == 2
    assert "losses.2.csv" in caplog.text


def test_csv_line_torn_by_a_kill_does_not_swallow_the_next(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    CsvLog(path).losses(losses(100))
    path.write_text(path.read_text() + "1,200,0.")
    CsvLog(path).losses(losses(300))
    curves = read_curves(path, epoch_size=EPOCH_SIZE)
    assert curves.epochs == [1.25, 1.75]


# All together


def test_packages_for_display_are_imported_only_where_they_are_used() -> None:
    util = Path(__file__).parent.parent / "util"
    heavy = "visdom|wandb|dominate|matplotlib|tqdm|requests|torch.utils.tensorboard"
    lazy = re.compile(rf"^(import|from) ({heavy})\b", re.MULTILINE)
    assert [path.name for path in util.rglob("*.py") if lazy.search(path.read_text())] == []


def test_visualizer_tells_every_sink_everything_in_order() -> None:
    heard: list[tuple[int, str]] = []

    class Listener(Sink):
        def __init__(self, number: int) -> None:
            self.number = number

        def __getattribute__(self, name: str) -> Any:
            if name == "number":
                return super().__getattribute__(name)
            return lambda *_: heard.append((self.number, name))

    visualizer = Visualizer([Listener(1), Listener(2)])
    visualizer.start_epoch(progress(1))
    visualizer.advance(progress(1))
    visualizer.losses(losses())
    visualizer.pictures(pictures())
    visualizer.end_epoch(progress(1))
    visualizer.close()
    calls = ["start_epoch", "advance", "losses", "pictures", "end_epoch", "finish", "close"]
    assert heard == [(number, call) for call in calls for number in (1, 2)]


@pytest.mark.parametrize(
    ("html", "display_id", "records", "expected"),
    [
        (True, 1, True, ["web page", "visdom display", "TensorBoard files", "wandb display"]),
        (False, 0, False, []),
        (False, -1, False, []),
    ],
)
def test_build_sinks_builds_what_was_asked_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    html: bool,
    display_id: int,
    records: bool,
    expected: list[str],
) -> None:
    monkeypatch.setattr(visdom_server, "connect", lambda **_: object())
    monkeypatch.setattr(tensorboard_files, "load", lambda: object())
    monkeypatch.setattr(wandb_run, "load", lambda: object())
    sinks = build_sinks(
        tmp_path / "run", name="run", html=html, display_id=display_id,
        display_server="http://localhost", display_port=8097, display_env="main", display_ncols=4,
        display_winsize=256, use_tensorboard=records, use_wandb=records, wandb_project_name="p",
        options={},
    )
    assert [type(sink) for sink in sinks[:4]] == [Console, LossLog, CsvLog, DoctorLog]
    assert all(isinstance(sink, Background) for sink in sinks[4:]), "training would wait for them"
    assert [sink.title for sink in sinks[4:]] == expected
