"""scripts/ablate.py trains, scores and shows tables: its smallest run, in this process."""

import json
import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from chromium import SHOWN, open_page
from scenes import write_scenes

import test
import train
from scripts import ablate, train_scorer
from scripts.ablation import runs as ablation_runs
from scripts.ablation.tables import TABLES

TINY = ["--ngf", "1", "--ndf", "1", "--max_dataset_size", "2", "--gpu_ids", "-1"]


@pytest.fixture
def dataroot(tmp_path: Path) -> Path:
    write_scenes(tmp_path / "scenes", train=3)
    return tmp_path / "scenes"


def test_list_prints_the_commands_and_does_nothing_else(
    dataroot: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = {row.run for table in TABLES.values() for row in table.rows}
    with caplog.at_level(logging.INFO):
        ablate.main(["--dataroot", str(dataroot), "--out", str(tmp_path / "out"), "--list",
                     "--", "--ngf", "7"])
    assert not (tmp_path / "out").exists()
    assert caplog.text.count("--ngf 7") == len(rows) == 13
    assert "# patch_286: to do" in caplog.text


def test_a_report_without_rows_is_refused_and_writes_nothing(
    dataroot: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="leave --report out to train them"):
        ablate.main(["--dataroot", str(dataroot), "--out", str(tmp_path / "out"), "--report"])
    assert not (tmp_path / "out").exists()


@pytest.fixture
def made(dataroot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make two tables with the smallest trainings, in this process."""
    programs: dict[str, Callable[[Sequence[str]], object]] = {
        "train.py": train.train, "test.py": test.test, "train_scorer.py": tiny_scorer,
    }

    def call(command: Sequence[str]) -> int:
        programs[Path(command[1]).name](command[2:])
        return 0

    monkeypatch.setattr(ablation_runs, "call", call)
    ablate.main([
        "--table", "losses", "photo2labels", "--dataroot", str(dataroot), "--out",
        str(tmp_path / "out"), "--size", "128", "--epochs", "1", "--pictures", "2", "--gpu_ids",
        "-1", "--strips", str(tmp_path / "strips.png"), "--", *TINY,
    ])
    return tmp_path / "out"


def tiny_scorer(argv: Sequence[str]) -> None:
    assert argv[argv.index("--size") + 1] == "128", "outputs are scored at their own size"
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
    # Rows that are done are reported without any training, also if the scorer has been moved.
    (made / "scorer.pth").rename(made / "moved.pth")
    ablate.main(["--table", "patches", "--dataroot", str(dataroot), "--out", str(made), "--size",
                 "128", "--epochs", "1", "--report", "--scorer", str(made / "moved.pth"),
                 "--gpu_ids", "-1", "--", *TINY])
    rows = json.loads((made / "scores.json").read_text())["tables"]["patches"]["rows"]
    assert ["ours" in row for row in rows] == [False, False, True, False]


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
