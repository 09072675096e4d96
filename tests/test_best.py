"""What a validation decides: the best weights, the end of a run, the learning rate."""

import json
import logging
import math
from pathlib import Path

import pytest
import torch

from display.reports import Progress
from models.schedules import Plateau
from training.validation.best import Best


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
