"""scripts/ablate.py: its rows are the trainings they are called, once each, and comparable."""

import json
import logging
import re
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from chromium import SHOWN, open_page
from scenes import scene, side_by_side

import test
import train
from options.train_options import TrainOptions
from scripts import ablate, ablation_runs, train_scorer
from scripts.ablation_report import Scored, grid, lines, order
from scripts.ablation_runs import Ablation, Budget
from scripts.ablation_tables import TABLES, Row, Scores, Table

ROWS = {row.run: (table, row) for table in TABLES.values() for row in table.rows}
TINY = ["--ngf", "1", "--ndf", "1", "--max_dataset_size", "2", "--gpu_ids", "-1"]

MEANINGS: list[tuple[str, dict[str, Any]]] = [
    ("L1", {"lambda_GAN": 0, "lambda_L1": 100}),
    ("GAN", {"lambda_GAN": 1, "lambda_L1": 0, "unconditional_D": True}),
    ("cGAN", {"lambda_GAN": 1, "lambda_L1": 0, "unconditional_D": False}),
    ("L1_GAN", {"lambda_GAN": 1, "lambda_L1": 100, "unconditional_D": True}),
    ("L1_cGAN", {"lambda_GAN": 1, "lambda_L1": 100, "unconditional_D": False, "netD": "basic"}),
    ("encoder_decoder_L1", {"netG": "encoder_decoder_256", "lambda_GAN": 0}),
    ("encoder_decoder_L1_cGAN", {"netG": "encoder_decoder_256", "lambda_GAN": 1}),
    ("patch_1", {"netD": "patch_1"}),
    ("patch_16", {"netD": "patch_16"}),
    ("patch_286", {"netD": "patch_286"}),
    ("photo2labels_L1", {"direction": "AtoB", "lambda_GAN": 0}),
    ("photo2labels_cGAN", {"direction": "AtoB", "lambda_L1": 0}),
    ("photo2labels_L1_cGAN", {"direction": "AtoB", "lambda_L1": 100, "lambda_GAN": 1}),
]


@pytest.fixture
def dataroot(tmp_path: Path) -> Path:
    for phase in ("train", "test"):
        for seed in range(3):
            side_by_side(*scene(seed), tmp_path / "scenes" / phase / f"{seed}.png")
    return tmp_path / "scenes"


@pytest.fixture
def ablation(dataroot: Path, tmp_path: Path) -> Ablation:
    return Ablation(tmp_path / "out", Budget(str(dataroot), "B", 256, 200, "test", ("--ngf", "8")))


@pytest.mark.parametrize(("run", "wanted"), MEANINGS)
def test_a_row_is_the_training_that_it_is_called(
    run: str, wanted: dict[str, Any], ablation: Ablation
) -> None:
    opt = TrainOptions().parse(ablation.train_command(*ROWS[run])[2:])
    same = {"netG": "unet_256", "direction": "BtoA", "load_size": 286, "crop_size": 256,
            "n_epochs": 100, "n_epochs_decay": 100, "ngf": 8, "seed": 0, "name": run}
    found = {flag: getattr(opt, flag) for flag in {**same, **wanted}}
    assert found == same | wanted


def test_every_row_of_the_tables_is_looked_at_above() -> None:
    assert {run for run, _ in MEANINGS} == set(ROWS)


def test_labels_on_the_other_side_turn_both_directions(dataroot: Path, tmp_path: Path) -> None:
    other = Ablation(tmp_path, Budget(str(dataroot), "A", 128, 3, "test"))
    for run, direction in (("L1", "AtoB"), ("photo2labels_L1", "BtoA")):
        opt = TrainOptions().parse(other.train_command(*ROWS[run])[2:])
        assert (opt.direction, opt.netG, opt.load_size) == (direction, "unet_128", 143)
        assert opt.n_epochs + opt.n_epochs_decay == 3


@pytest.mark.parametrize(("name", "published"), [
    ("losses", [".42 .15 .11", ".22 .05 .01", ".57 .22 .16", ".64 .20 .15", ".66 .23 .17",
                ".80 .26 .21"]),
    ("patches", [".39 .15 .10", ".65 .21 .17", ".66 .23 .17", ".42 .16 .11"]),
    ("photo2labels", [".86 .42 .35", ".74 .28 .22", ".83 .36 .29"]),
])
def test_the_published_numbers_are_printed(name: str, published: list[str]) -> None:
    drawn = lines(TABLES[name], {})
    numbers = [re.findall(r"0(\.\d\d)", line) for line in drawn]
    assert [" ".join(row) for row in numbers if row] == published
    assert sum("not done" in line for line in drawn) == len(TABLES[name].rows)


def scored(per_pixel: float) -> Scored:
    return Scored(Scores(per_pixel, 0.2, per_pixel / 2), Scores(0.9, 0.8, 0.7), 5, 90.0)


def test_our_numbers_stand_left_of_the_published_ones_and_orders_are_compared() -> None:
    found = {"L1": scored(0.5), "GAN": scored(0.1), "cGAN": scored(0.4)}
    cells = grid(TABLES["losses"], found)
    assert cells[0] == ["L1", "0.50", "0.20", "0.25", "0.42", "0.15", "0.11", "1.5 min"]
    assert cells[-1] == ["Real photos", "0.90", "0.80", "0.70", "0.80", "0.26", "0.21", ""]
    per_pixel, per_class, iou = order(TABLES["losses"], found)
    words = "2 of 3 pairs of rows in the paper's order; against it: L1 over cGAN"
    assert per_pixel == f"per pixel: {words}" and iou == f"IoU: {words}"
    assert per_class.startswith("per class: 0 of 3")  # equals


def test_rows_that_are_equal_in_the_paper_have_no_order() -> None:
    rows = [Row(name, name, Scores(0.5, 0.1, 0.1)) for name in "ab"]
    assert order(Table("x", rows), {"a": scored(0.1), "b": scored(0.2)}) == []


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that are called, in place of running them."""
    found: list[list[str]] = []

    def call(command: Sequence[str]) -> int:
        found.append(list(command))
        return 0

    monkeypatch.setattr(ablation_runs, "call", call)
    return found


def test_a_row_is_made_once(ablation: Ablation, calls: list[list[str]]) -> None:
    for _ in range(2):
        ablation.make(*ROWS["L1"])
    assert [Path(command[1]).name for command in calls] == ["train.py", "test.py"]
    assert "--continue_train" not in calls[0]


@pytest.mark.parametrize(("files", "flag"), [
    (["latest_state.pth", "latest_net_G.pth", "losses.csv"], "--continue_train"),
    (["losses.csv"], "--overwrite"),  # stopped before its first save
])
def test_a_row_that_was_stopped_goes_on(
    files: list[str], flag: str, ablation: Ablation, calls: list[list[str]]
) -> None:
    run_dir = ablation.out / "runs" / "L1"
    run_dir.mkdir(parents=True)
    for file in files:
        (run_dir / file).touch()
    ablation.make(*ROWS["L1"])
    assert calls[0][-1] == flag


def test_a_row_that_failed_is_not_done(
    ablation: Ablation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablation_runs, "call", lambda command: 3)
    with pytest.raises(ValueError, match="L1 ended with exit code 3; the same command goes on"):
        ablation.make(*ROWS["L1"])
    assert not ablation.is_done(ROWS["L1"][1])


@pytest.mark.parametrize("stopped_in", ["train.py", "test.py"])
def test_ctrl_c_loses_no_epoch(
    stopped_in: str, dataroot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real programs: the training is stopped after an epoch, the test before its work."""
    ablation = Ablation(tmp_path / "out", Budget(str(dataroot), "B", 128, 2, "test", TINY))
    stops, trainings = {stopped_in}, []

    def call(command: Sequence[str]) -> int:
        program, flags = Path(command[1]).name, list(command[2:])
        stop = program in stops
        stops.discard(program)
        if program == "train.py":
            trainings.append("--continue_train" in flags)
            train.train([*flags, *(["--n_epochs_decay", "0"] if stop else [])])
        if stop:
            raise KeyboardInterrupt
        if program == "test.py":
            test.test(flags)
        return 0

    monkeypatch.setattr(ablation_runs, "call", call)
    row = ROWS["L1"]
    with pytest.raises(KeyboardInterrupt):
        ablation.make(*row)
    assert not ablation.is_done(row[1])
    ablation.make(*row)
    assert ablation.is_done(row[1]) and trainings == [False, True]
    losses = (ablation.out / "runs" / "L1" / "losses.csv").read_text().splitlines()
    images = [int(line.split(",")[losses[0].split(",").index("images")]) for line in losses[1:]]
    assert images == sorted(set(images)) and images[-1] == 2 * 2  # epochs, pictures
    assert len(list(ablation.results(row[1]).glob("images/*_fake_B.png"))) == 3


def test_a_program_may_save_after_ctrl_c(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    script = ("import os, pathlib, signal, sys, time; os.kill(os.getppid(), signal.SIGINT); "
              "time.sleep(0.3); pathlib.Path(sys.argv[1]).touch()")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with caplog.at_level(logging.INFO), pytest.raises(SystemExit, match="130"):
            ablation_runs.call([sys.executable, "-c", script, str(tmp_path / "saved")])
    finally:
        signal.signal(signal.SIGINT, before)
    assert (tmp_path / "saved").is_file()
    assert "the same command goes on" in caplog.text


def test_rows_of_another_budget_are_refused(ablation: Ablation) -> None:
    ablation.budget.hold(ablation.out)
    ablation.budget.hold(ablation.out)
    other = Budget(ablation.budget.dataroot, "B", 256, 100, "test", ("--ngf", "8"))
    with pytest.raises(ValueError, match=r"another budget \(epochs 200, now 100\); .* --out"):
        other.hold(ablation.out)


def test_list_shows_the_commands_and_does_nothing(
    dataroot: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        ablate.main(["--dataroot", str(dataroot), "--out", str(tmp_path / "out"), "--list",
                     "--", "--ngf", "7"])
    assert not (tmp_path / "out").exists()
    assert caplog.text.count("--ngf 7") == len(ROWS) == 13
    assert "# patch_286: to do" in caplog.text


@pytest.fixture
def made(dataroot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two tables by their smallest trainings, in this process."""
    programs: dict[str, Callable[[Sequence[str]], object]] = {
        "train.py": train.train, "test.py": test.test, "train_scorer.py": tiny_scorer,
    }

    def call(command: Sequence[str]) -> int:
        programs[Path(command[1]).name](command[2:])
        return 0

    for module in (ablate, ablation_runs):
        monkeypatch.setattr(module, "call", call)
    ablate.main([
        "--table", "losses", "photo2labels", "--dataroot", str(dataroot), "--out",
        str(tmp_path / "out"), "--size", "128", "--epochs", "1", "--pictures", "2", "--gpu_ids",
        "-1", "--strips", str(tmp_path / "strips.png"), "--", *TINY,
    ])
    return tmp_path / "out"


def tiny_scorer(argv: Sequence[str]) -> None:
    train_scorer.main([*argv, "--epochs", "1", "--size", "32", "--width", "2", "--gpu_ids", "-1"])


def test_tables_are_made_scored_and_shown(made: Path, dataroot: Path) -> None:
    tables = json.loads((made / "scores.json").read_text())["tables"]
    assert list(tables) == ["losses", "photo2labels"]
    for table in tables.values():
        for row in table["rows"]:
            assert all(0 <= value <= 1 for value in row["ours"].values())
            assert row["pictures"] == 3 and row["training_seconds"] > 0
    reals = [row["real_photos"] for row in tables["losses"]["rows"]]
    assert reals == [reals[0]] * 5 and reals[0] is not None
    assert tables["photo2labels"]["rows"][0]["real_photos"] is None
    page = (made / "index.html").read_text()
    sources = re.findall(r'<img[^>]* src="([^"]+)"', page)
    assert len(sources) == 2 * (5 + 2) + 2 * (3 + 2)
    assert all((made / source).is_file() for source in sources)
    assert (made.parent / "strips.png").is_file()
    # What is done is reported without training anything, though its scorer is gone elsewhere.
    (made / "scorer.pth").rename(made / "moved.pth")
    ablate.main(["--table", "patches", "--dataroot", str(dataroot), "--out", str(made), "--size",
                 "128", "--epochs", "1", "--report", "--scorer", str(made / "moved.pth"),
                 "--gpu_ids", "-1", "--", *TINY])
    again = json.loads((made / "scores.json").read_text())["tables"]["patches"]["rows"]
    assert ["ours" in row for row in again] == [False, False, True, False]


@pytest.mark.browser
def test_browser_shows_tables_and_strips(made: Path, browser: Any) -> None:
    page, requests = open_page(browser, made / "index.html", width=1280)
    page.wait_for_function(f"[...document.images].every({SHOWN})")
    assert page.locator("table.scores").count() == page.locator("table.strips").count() == 2
    assert page.locator("table.scores >> nth=0").locator("tbody tr").count() == 6
    captions = page.locator("table.strips >> nth=0").locator("th").all_inner_texts()
    assert captions == ["Input", "L1", "GAN", "cGAN", "L1+GAN", "L1+cGAN", "Ground truth"]
    assert all(url.startswith("file://") for url in requests)
    page.set_viewport_size({"width": 400, "height": 800})
    numbers = page.locator("table.scores >> nth=0").locator("tbody tr").all()
    assert max(row.bounding_box()["height"] for row in numbers) < 30  # one line each
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()
