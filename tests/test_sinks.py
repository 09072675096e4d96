"""Reports, log files, and how displays are found and opened."""

import ast
import csv
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Argv
from imagined_run import EPOCH_SIZE, LINE, losses, pictures, progress

from display import sinks
from display.curve_file import read_curves
from display.reports import Advice, LossReport
from display.sinks import background as background_sink
from display.sinks import open_sinks, visdom_sink, wandb_sink
from display.sinks.background import Background
from display.sinks.base_sink import REPORTS, Sink
from display.sinks.console_sink import Console
from display.sinks.csv_sink import CsvLog
from display.sinks.doctor_log_sink import DoctorLog
from display.sinks.loss_log_sink import LossLog
from display.visualizer import Visualizer
from options.train_options import TrainOptions
from train import train

# The reports


def test_epoch_position_and_images_left() -> None:
    assert progress(600).epoch_position == 1.5
    assert progress(600).images_left == 600
    assert progress(1200).images_left == 0


def test_data_share_is_between_0_and_1() -> None:
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
    assert read_curves(path, epoch_size=EPOCH_SIZE).losses["G"] == [1 / 3]


def test_csv_with_other_losses_is_renamed(
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


def test_row_after_an_incomplete_line_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    CsvLog(path).losses(losses(100))
    path.write_text(path.read_text() + "1,200,0.")
    CsvLog(path).losses(losses(300))
    curves = read_curves(path, epoch_size=EPOCH_SIZE)
    assert curves.epochs == [0.25, 0.75]


# All together


def test_packages_of_displays_are_imported_only_when_they_are_used() -> None:
    root = Path(__file__).parent.parent
    files = [*(root / "display").rglob("*.py"), *(root / "util").rglob("*.py")]
    heavy = "visdom|wandb|dominate|matplotlib|tqdm|requests|torch.utils.tensorboard"
    lazy = re.compile(rf"^(import|from) ({heavy})\b", re.MULTILINE)
    found = [path for path in files if lazy.search(path.read_text())]
    # The server itself is imported by scripts/live_plots.py only.
    assert found == [root / "display" / "live" / "server.py"]


def test_options_stop_at_the_constructors_of_displays() -> None:
    root = Path(__file__).parent.parent / "display"
    takers = {
        function.name
        for path in root.rglob("*.py")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        and "opt" in {argument.arg for argument in function.args.args + function.args.kwonlyargs}
    }
    assert takers == {"open", "open_sinks"}


def test_visualizer_calls_every_sink_with_every_report_in_order() -> None:
    calls: list[tuple[int, str]] = []

    class Listener(Sink):
        def __init__(self, number: int) -> None:
            self.number = number

        def __getattribute__(self, name: str) -> Any:
            if name == "number":
                return super().__getattribute__(name)
            return lambda *_: calls.append((self.number, name))

    visualizer = Visualizer([Listener(1), Listener(2)])
    visualizer.start_epoch(progress(1))
    visualizer.advance(progress(1))
    visualizer.losses(losses())
    visualizer.pictures(pictures())
    visualizer.end_epoch(progress(1))
    visualizer.close()
    methods = ["start_epoch", "advance", "losses", "pictures", "end_epoch", "finish", "close"]
    assert calls == [(number, method) for method in methods for number in (1, 2)]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("--display_id 1 --use_tensorboard --use_wandb",
         ["TensorBoard files", "visdom display", "wandb display", "web page"]),
        ("--display_id 0 --no_html", []),
        ("--display_id -1 --no_html", []),
    ],
)
def test_displays_that_were_asked_for_are_opened(
    flags: str, expected: list[str], argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visdom_sink, "connect", lambda **_: object())
    writer = SimpleNamespace(SummaryWriter=object)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", writer)
    monkeypatch.setattr(wandb_sink, "load_wandb", lambda: object())
    opened = open_sinks(tmp_path, TrainOptions().parse(argv(*flags.split(), page=True)))
    logs, others = opened[:4], opened[4:]
    assert [type(sink) for sink in logs] == [Console, CsvLog, DoctorLog, LossLog]
    assert all(isinstance(sink, Background) for sink in others), "training would wait for them"
    assert [sink.title for sink in others] == expected


SHOUT = """
from display.sinks.base_sink import REPORTS, Sink

class Shout(Sink):
    order = 99

    @staticmethod
    def modify_commandline_options(parser, is_train):
        parser.add_argument_group("shout").add_argument("--shout", default="", help="a word")

    @classmethod
    def open(cls, folder, opt):
        return cls(opt.shout, folder / "losses.csv") if opt.shout else None

    def __init__(self, word, log):
        self.word, self.log = word, log

    def losses(self, report):
        number = len(self.log.read_text().splitlines()) - 1
        print(self.word, number, ", ".join(report.losses))
"""


def test_a_display_is_a_file(
    argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file needs no change in any other; its order puts it after the log that it reads."""
    (tmp_path / "shout_sink.py").write_text(SHOUT)
    monkeypatch.setattr(sinks, "__path__", [*sinks.__path__, str(tmp_path)])
    train(argv("--model", "template", "--print_freq", "2", "--shout", "LOSS"))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("LOSS")]
    assert lines == ["LOSS 1 G", "LOSS 2 G"]
    with pytest.raises(SystemExit):
        TrainOptions().parse(["--help"])
    assert "shout:\n  --shout SHOUT" in capsys.readouterr().out


def test_every_report_of_a_display_is_passed_on(tmp_path: Path) -> None:
    """Also by displays in a thread of their own; only ``advance`` stays in the training."""
    own = {"modify_commandline_options", "open", "refresh", "finish", "close"}
    methods = {name for name, value in vars(Sink).items()
               if callable(value) or isinstance(value, classmethod | staticmethod)}
    assert {name for name in methods if not name.startswith("_")} - own == set(REPORTS)
    received = []

    class Recorder(Sink):
        def advise(self, advice: Advice) -> None:
            received.append(advice.complaint)

    background = Background(Recorder())
    assert set(background_sink._KEYS) == set(REPORTS) - {"advance"}
    with Visualizer([background]) as visualizer:
        for complaint in ("mode collapse", "checkerboard"):
            visualizer.advise(Advice(1, 1, complaint, "seen", "meaning", "remedy"))
    assert received == ["mode collapse", "checkerboard"]
