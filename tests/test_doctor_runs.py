"""The doctor in a training: it speaks once and is seen, and the training does not feel it."""

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

ILL = ("--lr", "1", "--n_epochs", "4")


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line for line in caplog.messages if line.startswith("doctor:")]


def advice(run: Path) -> list[Advice]:
    return read_advice(run / DOCTOR_LOG)


# ---- the training does not feel it -------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "flags"),
    [("pix2pix", "--norm batch --dropout"), ("cycle_gan", "--pool_size 2"), ("colorization", ""),
     ("template", "--val_phase test")],
)
def test_a_run_with_it_equals_one_without_to_the_bit(
    model: str, flags: str, argv: Argv, tmp_path: Path
) -> None:
    words = argv("--model", model, "--n_epochs", "3", "--print_freq", "1", "--display_freq", "1",
                 "--no_html", *flags.split())
    train([*words, "--name", "with"])
    train([*words, "--name", "without", "--no_doctor"])
    runs = [tmp_path / "runs" / name for name in ("with", "without")]
    assert differences(load_state(runs[0]), load_state(runs[1])) == []
    assert logged(runs[0]) == logged(runs[1])


def test_without_it_nobody_looks(
    argv: Argv, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BaseModel, "_note", None)  # would fail if it were called
    with caplog.at_level(logging.INFO):
        train(argv("--model", "pix2pix", "--no_doctor", *ILL))
    assert said(caplog) == []
    assert not (tmp_path / "runs" / "t" / DOCTOR_LOG).exists()
    assert "notice" not in (tmp_path / "runs" / "t" / "web" / "index.html").read_text().split(
        "</style>")[1]


def test_a_healthy_run_has_no_file_of_it(
    argv: Argv, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        train(argv("--model", "pix2pix", "--n_epochs", "6", "--val_phase", "test"))
    assert said(caplog) == []
    assert not (tmp_path / "runs" / "t" / DOCTOR_LOG).exists()


# ---- what it says is seen ----------------------------------------------------------------------


def test_it_speaks_once_on_the_console_in_the_file_and_on_the_page(
    argv: Argv, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """However often losses are reported, and after the run has gone on too."""
    words = argv("--model", "pix2pix", "--print_freq", "1", *ILL)
    with caplog.at_level(logging.INFO):
        train(words)
        train([*words, "--continue_train", "--n_epochs", "7"])
    [line] = said(caplog)
    assert line.startswith("doctor: exploding gradients: the weights of ")
    assert "times their first size: steps lead far past any valley. What to do: go back" in line
    run = tmp_path / "runs" / "t"
    [one] = advice(run)
    assert (one.epoch, one.images, one.over) == (1, 3, False)
    page = Page(run / "web" / "index.html")
    [notice] = [each for each in page.attributes("div") if each.get("class") == "notice"]
    assert notice["role"] == "alert"
    assert "Doctor: exploding gradients, since epoch 1 (3 images)" in page.texts["strong"]
    assert any(text.startswith("What to do: go back to an earlier epoch, or start again, with a")
               for text in page.texts["p"])
    assert {"href": "../doctor.csv"} in page.attributes("a")


def test_a_validation_and_its_training_are_compared(
    argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the values of the losses and of the validation that the run reports."""
    values = [3.0, 2.0, 2.0, 2.0, *[3.0] * 8]
    scores = "training.validation.validation.Validation._scores"
    monkeypatch.setattr(scores, lambda *_: {"l1": values.pop(0)})
    train(argv("--model", "template", "--n_epochs", "12", "--lr", "0.002", "--val_phase", "test"))
    [one] = advice(tmp_path / "runs" / "t")
    assert one.complaint == "overfitting"
    assert one.seen.startswith("val_l1 is 50% above its best, while the loss of the training")


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """A clock that only the test moves."""
    now = [0.0]
    monkeypatch.setattr("training.clock.time.perf_counter", lambda: now[0])
    yield now


@pytest.mark.parametrize(
    ("reading", "cache", "told"),
    # While a cache is filled, the first epoch waits; then nothing is read any more.
    [(0.1, "none", []), (1.0, "none", ["waiting for pictures"]), (1.0, "ram", [])],
)
def test_a_slow_loader_is_named(
    reading: float, cache: str, told: list[str], argv: Argv, dataroot: Path, tmp_path: Path,
    seconds: list[float], monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw_pictures(dataroot / "train", 12, (64, 32))
    read, step = AlignedDataset.__getitem__, BaseModel.update
    known: set[int] = set()

    def slow_read(dataset: AlignedDataset, index: int) -> Any:
        seconds[0] += 0.0 if index in known else reading
        known.update([index] if cache == "ram" else [])
        return read(dataset, index)

    def slow_step(model: BaseModel, *arguments: Any) -> None:
        seconds[0] += 2.0
        step(model, *arguments)

    monkeypatch.setattr(AlignedDataset, "__getitem__", slow_read)
    monkeypatch.setattr(BaseModel, "update", slow_step)
    train(argv("--model", "template", "--n_epochs", "2", "--cache", cache, "--no_html",
               "--print_freq", "1"))
    assert [one.complaint for one in advice(tmp_path / "runs" / "t")] == told
    assert all("--cache ram" in one.remedy for one in advice(tmp_path / "runs" / "t"))


def test_of_several_processes_the_first_speaks(
    argv: Argv, dataroot: Path, tmp_path: Path
) -> None:
    draw_pictures(dataroot / "train", 4, (64, 32))
    words = argv("--model", "pix2pix", "--norm", "instance", "--print_freq", "1", *ILL)
    processes.run(tmp_path / "out", train_all, [words], [processes.free_port()])
    texts = [(tmp_path / "out" / f"{rank}.txt").read_text() for rank in (0, 1)]
    assert [text.count("doctor: exploding") for text in texts] == [1, 0]
    assert len(advice(tmp_path / "runs" / "t")) == 1


# ---- the file and the page ---------------------------------------------------------------------


def spoken(epoch: int, complaint: str, *, over: bool = False) -> Advice:
    return Advice(epoch, 10 * epoch, complaint, 'seen, "so"', "meaning", "remedy", over=over)


def test_the_file_gives_back_what_was_said(tmp_path: Path) -> None:
    path = tmp_path / DOCTOR_LOG
    assert read_advice(path) == []
    lines = [spoken(1, "a"), spoken(2, "b"), spoken(3, "a", over=True), spoken(4, "a")]
    for one in lines:
        DoctorLog(path).advise(one)
    assert read_advice(path) == lines
    assert [one.complaint for one in open_problems(lines[:3])] == ["b"]
    with path.open("a") as file:
        file.write("5,50,torn")  # by a run that was killed
    assert read_advice(path) == lines
    cut_from_epoch(tmp_path, 3)  # goes back
    assert read_advice(path) == lines[:2]


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_browser_shows_what_is_so_and_folds_what_is_over(
    browser: Any, tmp_path: Path, width: int
) -> None:
    log = DoctorLog(tmp_path / DOCTOR_LOG)
    for one in (spoken(1, "mode collapse"), spoken(3, "mode collapse", over=True),
                spoken(4, "checkerboard")):
        log.advise(one)
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
