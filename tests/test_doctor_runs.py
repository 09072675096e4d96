"""The doctor in a training: it reports once, everywhere, and does not change the training."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import processes
import pytest
from chromium import open_page
from conftest import Argv, draw_pictures
from imagined_run import pictures
from read_page import Page
from runs import differences, load_state, logged
from test_distributed import train_all

from data.aligned_dataset import AlignedDataset
from display.reports import Advice
from display.sinks.doctor_log_sink import DOCTOR_LOG, DoctorLog, open_problems, read_advice
from display.sinks.web_page_sink import WebPage
from models.base_model import BaseModel
from train import train
from training.saving.logs import cut_from_epoch

TOO_LARGE_RATE = ("--lr", "1", "--n_epochs", "4")


def doctor_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line for line in caplog.messages if line.startswith("doctor:")]


def advice(run: Path) -> list[Advice]:
    return read_advice(run / DOCTOR_LOG)


# ---- the doctor does not change the training ---------------------------------------------------


@pytest.mark.parametrize(
    ("model", "flags"),
    [("pix2pix", "--norm batch --dropout"), ("cycle_gan", "--pool_size 2"), ("colorization", ""),
     ("template", "--val_phase test")],
)
def test_runs_with_and_without_the_doctor_are_equal_to_the_bit(
    model: str, flags: str, argv: Argv, tmp_path: Path
) -> None:
    words = argv("--model", model, "--n_epochs", "3", "--print_freq", "1", "--display_freq", "1",
                 "--no_html", *flags.split())
    train([*words, "--name", "with"])
    train([*words, "--name", "without", "--no_doctor"])
    runs = [tmp_path / "runs" / name for name in ("with", "without")]
    assert differences(load_state(runs[0]), load_state(runs[1])) == []
    assert logged(runs[0]) == logged(runs[1])


def test_no_doctor_means_no_checks(
    argv: Argv, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BaseModel, "_keep_logits", None)  # would fail if it were called
    with caplog.at_level(logging.INFO):
        train(argv("--model", "pix2pix", "--no_doctor", *TOO_LARGE_RATE, page=True))
    assert doctor_lines(caplog) == []
    assert not (tmp_path / "runs" / "t" / DOCTOR_LOG).exists()
    assert "notice" not in (tmp_path / "runs" / "t" / "web" / "index.html").read_text().split(
        "</style>")[1]


def test_a_normal_run_has_no_doctor_file(
    argv: Argv, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        train(argv("--model", "pix2pix", "--n_epochs", "6", "--val_phase", "test"))
    assert doctor_lines(caplog) == []
    assert not (tmp_path / "runs" / "t" / DOCTOR_LOG).exists()


# ---- where its reports appear ------------------------------------------------------------------


def test_a_problem_is_reported_once_on_the_console_in_the_file_and_on_the_page(
    argv: Argv, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Losses are reported several times, and the run is resumed."""
    words = argv("--model", "pix2pix", "--print_freq", "1", *TOO_LARGE_RATE, page=True)
    with caplog.at_level(logging.INFO):
        train(words)
        train([*words, "--continue_train", "--n_epochs", "7"])
    [line] = doctor_lines(caplog)
    assert line.startswith("doctor: exploding gradients: the weights of ")
    assert "times their size at the start: the updates overshoot. What to do: go back" in line
    run = tmp_path / "runs" / "t"
    [only] = advice(run)
    assert (only.epoch, only.images, only.over) == (1, 3, False)
    page = Page(run / "web" / "index.html")
    [notice] = [each for each in page.attributes("div") if each.get("class") == "notice"]
    assert notice["role"] == "alert"
    assert "Doctor: exploding gradients, since epoch 1 (3 images)" in page.texts["strong"]
    assert any(text.startswith("What to do: go back to an earlier epoch, or start again, with a")
               for text in page.texts["p"])
    assert {"href": "../doctor.csv"} in page.attributes("a")


def test_validation_values_and_losses_are_compared(
    argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The doctor uses the losses and the validation values that the run reports."""
    values = [3.0, 2.0, 2.0, 2.0, *[3.0] * 8]
    scores = "training.validation.validation.Validation._scores"
    monkeypatch.setattr(scores, lambda *_: {"l1": values.pop(0)})
    train(argv("--model", "template", "--n_epochs", "12", "--lr", "0.002", "--val_phase", "test"))
    [only] = advice(tmp_path / "runs" / "t")
    assert only.complaint == "overfitting"
    assert only.seen.startswith("val_l1 is 50% above its best, while the training loss has")


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """A clock that only the test advances."""
    now = [0.0]
    monkeypatch.setattr("training.clock.time.perf_counter", lambda: now[0])
    yield now


@pytest.mark.parametrize(
    ("reading", "cache", "complaints"),
    # While a cache is filled, the first epoch waits for images; later epochs read none.
    [(0.1, "none", []), (1.0, "none", ["waiting for pictures"]), (1.0, "ram", [])],
)
def test_a_slow_loader_is_named(
    reading: float, cache: str, complaints: list[str], argv: Argv, dataroot: Path,
    tmp_path: Path, seconds: list[float], monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw_pictures(dataroot / "train", 12, (64, 32))
    read, step = AlignedDataset.__getitem__, BaseModel.update
    cached: set[int] = set()

    def slow_read(dataset: AlignedDataset, index: int) -> Any:
        seconds[0] += 0.0 if index in cached else reading
        cached.update([index] if cache == "ram" else [])
        return read(dataset, index)

    def slow_step(model: BaseModel, *arguments: Any) -> None:
        seconds[0] += 2.0
        step(model, *arguments)

    monkeypatch.setattr(AlignedDataset, "__getitem__", slow_read)
    monkeypatch.setattr(BaseModel, "update", slow_step)
    train(argv("--model", "template", "--n_epochs", "2", "--cache", cache, "--no_html",
               "--print_freq", "1"))
    items = advice(tmp_path / "runs" / "t")
    assert [item.complaint for item in items] == complaints
    assert all("--cache ram" in item.remedy for item in items)


def test_only_the_first_of_several_processes_reports(
    argv: Argv, dataroot: Path, tmp_path: Path
) -> None:
    draw_pictures(dataroot / "train", 4, (64, 32))
    words = argv("--model", "pix2pix", "--norm", "instance", "--print_freq", "1", *TOO_LARGE_RATE)
    processes.run(tmp_path / "out", train_all, [words], [processes.free_port()])
    texts = [(tmp_path / "out" / f"{rank}.txt").read_text() for rank in (0, 1)]
    assert [text.count("doctor: exploding") for text in texts] == [1, 0]
    assert len(advice(tmp_path / "runs" / "t")) == 1


# ---- the file and the page ---------------------------------------------------------------------


def problem(epoch: int, complaint: str, *, over: bool = False) -> Advice:
    return Advice(epoch, 10 * epoch, complaint, 'seen, "so"', "meaning", "remedy", over=over)


def test_advice_is_read_back_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / DOCTOR_LOG
    assert read_advice(path) == []
    lines = [problem(1, "a"), problem(2, "b"), problem(3, "a", over=True), problem(4, "a")]
    for item in lines:
        DoctorLog(path).advise(item)
    assert read_advice(path) == lines
    assert [item.complaint for item in open_problems(lines[:3])] == ["b"]
    with path.open("a") as file:
        file.write("5,50,torn")  # written by a run that was killed
    assert read_advice(path) == lines
    cut_from_epoch(tmp_path, 3)  # the run is resumed from epoch 2
    assert read_advice(path) == lines[:2]


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_browser_shows_open_problems_and_folds_ended_ones(
    browser: Any, tmp_path: Path, width: int
) -> None:
    log = DoctorLog(tmp_path / DOCTOR_LOG)
    for item in (problem(1, "mode collapse"), problem(3, "mode collapse", over=True),
                problem(4, "checkerboard")):
        log.advise(item)
    WebPage(tmp_path, name="maps", width_px=256, options={}).pictures(pictures(900))
    WebPage(tmp_path, name="maps", width_px=256, options={}).end_epoch(pictures(900).progress)
    page, _ = open_page(browser, tmp_path / "web" / "index.html", width=width)
    notice = page.locator(".notice")
    assert notice.is_visible()
    assert [line for line in notice.inner_text().split("\n") if line] == [
        "Doctor: checkerboard, since epoch 4 (40 images)", 'seen, "so": meaning.',
        "What to do: remedy.",
    ]
    folded = page.get_by_text("mode collapse (epochs 1 to 3)")
    assert not folded.is_visible()
    page.click("text=1 earlier, over")
    assert folded.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width, "page scrolls sideways"
    page.close()
