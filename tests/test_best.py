"""What a validation decides: the best weights, the end of a run, the learning rate."""

import json
import logging
import math
from argparse import Namespace
from pathlib import Path

import pytest
import torch

from display.reports import LossReport, Progress
from display.sinks.csv_sink import CsvLog
from models.comparison import Comparison
from models.schedules import Plateau
from training.saving.logs import cut_to_sizes
from training.validation.best import Best
from training.validation.names import resolve, value_names


def place(images: int) -> Progress:
    return Progress(images, 9, images, 1, 1)


def create(metric: str = "x", *, rises: bool = False, patience: int = 0, images: str = "val"
           ) -> Best:
    return Best(metric, higher_is_better=rises, patience=patience, images=images)


def add(best: Best, *values: float) -> list[bool]:
    news = []
    for value in values:
        best.add({"val_x": value}, place(best.validations + 1))
        news.append(best.is_new)
    return news


@pytest.mark.parametrize(("rises", "news"), [(False, [1, 0, 0, 1, 0]), (True, [1, 1, 0, 0, 1])])
def test_only_an_improvement_is_a_new_best(rises: bool, news: list[int]) -> None:
    best = create(rises=rises)
    assert add(best, 2, 3, math.nan, 1, 4) == [bool(new) for new in news]
    assert best.record["epoch"] == (5 if rises else 4)
    assert not best.over


def test_infinite_psnr_is_the_best(tmp_path: Path) -> None:
    """Outputs that equal their targets have an infinite PSNR."""
    best = create("psnr", rises=True)
    best.add({"val_psnr": 50.0}, place(1))
    best.add({"val_psnr": math.inf}, place(2))
    assert best.is_new
    best.write(tmp_path, best.record)
    record = json.loads((tmp_path / "best.json").read_text(), parse_constant=pytest.fail)
    assert record["value"] == record["values"]["val_psnr"] == "Infinity"


def test_patience_counts_consecutive_validations() -> None:
    best = create(patience=2)
    add(best, 5, 5, 4, 4)
    assert not best.over
    add(best, 4)
    assert best.over
    other = create(patience=3)
    other.load_state_dict(best.state_dict())
    assert (other.waited, other.validations, other.over) == (2, 5, False)
    assert add(other, 3) == [True]


@pytest.mark.parametrize(("metric", "images"), [("y", "val"), ("x", "other images")])
def test_another_metric_or_other_images_restore_only_the_counter(
    metric: str, images: str, caplog: pytest.LogCaptureFixture
) -> None:
    best = create()
    add(best, 5)
    other = create(metric, images=images)
    with caplog.at_level(logging.INFO):
        other.load_state_dict(best.state_dict())
    assert (other.record, other.validations) == ({}, 1)
    assert f"by x of val, from here on by {metric} of {images}" in caplog.text


@pytest.mark.parametrize(("rises", "factor"), [(True, 1.0), (False, 0.2)])
def test_plateau_knows_whether_higher_is_better(rises: bool, factor: float) -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    plateau = Plateau("val_psnr", [optimizer], higher_is_better=rises)
    for epoch in range(1, 9):
        plateau.add({"G": torch.zeros(())})
        plateau.add_validation({"val_psnr": 10.0 * epoch})
        plateau.start_epoch(epoch + 1)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(factor)


# ---- names of values ---------------------------------------------------------------------------

CYCLE = Comparison.cycle("real_A", "fake_B", "rec_A", "real_B")
PAIRED = Comparison.paired("real_A", "fake_B", "real_B")
CYCLE_NAMES = ("cycle_l1", "cycle_ssim", "val_kid")


@pytest.mark.parametrize(
    ("comparisons", "names"),
    [([CYCLE, CYCLE], ["cycle_l1", "val_kid"]), ([PAIRED], ["val_l1", "val_kid"]),
     ([PAIRED, CYCLE], ["val_l1", "cycle_l1", "val_kid"])],
)
def test_values_of_cycles_have_names_of_their_own(
    comparisons: list[Comparison], names: list[str]
) -> None:
    assert value_names(["l1", "kid"], comparisons) == names


@pytest.mark.parametrize(
    ("given", "expected"),
    [("ssim", "cycle_ssim"), ("cycle_l1", "cycle_l1"), ("val_kid", "val_kid"),
     ("val_l1", "cycle_l1")],
)
def test_flags_take_the_names_of_metrics_of_values_and_of_earlier_versions(
    given: str, expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert resolve(given, CYCLE_NAMES, flag="--lr_metric") == expected
    assert (given == "val_l1") == ("this value is called cycle_l1" in caplog.text)


@pytest.mark.parametrize("given", ["cycle_kid", "psnr", "val_psnr", "cycle_A"])
def test_values_that_no_validation_measures_are_refused(given: str) -> None:
    with pytest.raises(ValueError, match="this one has cycle_l1, cycle_ssim, val_kid"):
        resolve(given, CYCLE_NAMES, flag="--lr_metric")


def test_the_best_of_a_run_of_an_earlier_version_is_kept_under_its_new_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    values = {"val_l1": 0.2, "val_kid": 0.1}
    record = {"epoch": 3, "images": 30, "metric": "l1", "value": 0.2, "values": values}
    (tmp_path / "best.json").write_text(json.dumps(record))
    best = Best("cycle_l1", higher_is_better=False, patience=5, images="val", names=CYCLE_NAMES)
    state = {"basis": "l1 of val", "found": record, "validations": 4, "waited": 1}
    with caplog.at_level(logging.INFO):
        best.load_state_dict(state)
        best.rename_in(tmp_path)
    renamed = record | {"metric": "cycle_l1", "values": {"cycle_l1": 0.2, "val_kid": 0.1}}
    assert best.record == renamed == json.loads((tmp_path / "best.json").read_text())
    assert best.waited == 1
    assert "val_l1: these values of cycles are now called cycle_l1" in caplog.text
    best.add({"cycle_l1": 0.1, "val_kid": 1.0}, place(5))
    assert best.is_new and best.record["values"] == {"cycle_l1": 0.1, "val_kid": 1.0}


def test_the_table_of_a_run_of_an_earlier_version_goes_on_with_the_new_names(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "losses.csv"
    text = "epoch,images,epoch_images,G,val_l1,lr,seconds,data_share\n1,4,4,1,0.5,0.1,0.1,0.123\n"
    path.write_text(text)
    log = CsvLog.open(tmp_path, Namespace(val_values=["cycle_l1"]))
    log.losses(LossReport(Progress(2, 2, 8, 4, 4), {"G": 1.0}, 0.1, 0.0, 0.1, {"cycle_l1": 0.4}))
    lines = path.read_text().splitlines()
    assert lines[0] == "epoch,images,epoch_images,G,cycle_l1,lr,seconds,data_share"
    assert [line.split(",")[4] for line in lines[1:]] == ["0.5", "0.4"]
    assert [file.name for file in tmp_path.iterdir()] == ["losses.csv"]
    # A checkpoint from before has the size of the file with the shorter header.
    cut_to_sizes(tmp_path, {"losses.csv": len(text)})
    assert path.read_text().splitlines() == lines[:2]


def test_a_loss_and_a_value_with_the_same_name_are_refused(tmp_path: Path) -> None:
    log = CsvLog(tmp_path / "losses.csv", ["cycle_l1"])
    with pytest.raises(ValueError, match="cycle_l1 is the name of a loss"):
        log.losses(LossReport(place(1), {"cycle_l1": 1.0}, 0.1, 0.0, 0.1))
