"""The rows of an ablation train what their names say; the published numbers are right."""

import re
from pathlib import Path
from typing import Any

import pytest

from options.train_options import TrainOptions
from scripts.ablation.report import RowResult, grid, lines, order
from scripts.ablation.runs import Ablation, Budget
from scripts.ablation.tables import TABLES, AblationRow, AblationTable, SegmentationScores

ROWS = {row.run: row for table in TABLES.values() for row in table.rows}

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


@pytest.mark.parametrize(("run", "wanted"), MEANINGS)
def test_a_row_trains_what_its_name_says(run: str, wanted: dict[str, Any]) -> None:
    ablation = Ablation(Path("out"), Budget("scenes", "B", 256, 200, "test", ("--ngf", "8")))
    opt = TrainOptions().parse(ablation.train_command(ROWS[run])[2:])
    common = {"netG": "unet_256", "direction": "BtoA", "load_size": 286, "crop_size": 256,
            "n_epochs": 100, "n_epochs_decay": 100, "ngf": 8, "seed": 0, "name": run}
    found = {flag: getattr(opt, flag) for flag in {**common, **wanted}}
    assert found == common | wanted


def test_every_row_of_the_tables_is_tested_above() -> None:
    assert {run for run, _ in MEANINGS} == set(ROWS)


def test_labels_on_the_other_side_reverse_both_directions() -> None:
    other = Ablation(Path("out"), Budget("scenes", "A", 128, 3, "test"))
    for run, direction in (("L1", "AtoB"), ("photo2labels_L1", "BtoA")):
        opt = TrainOptions().parse(other.train_command(ROWS[run])[2:])
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


def result(per_pixel: float) -> RowResult:
    ours = SegmentationScores(per_pixel, 0.2, per_pixel / 2)
    return RowResult(ours, SegmentationScores(0.9, 0.8, 0.7), 5, 90.0)


def test_our_scores_are_left_of_the_published_ones_and_orders_are_compared() -> None:
    found = {"L1": result(0.5), "GAN": result(0.1), "cGAN": result(0.4)}
    cells = grid(TABLES["losses"], found)
    assert cells[0] == ["L1", "0.50", "0.20", "0.25", "0.42", "0.15", "0.11", "1.5 min"]
    assert cells[-1] == ["Real photos", "0.90", "0.80", "0.70", "0.80", "0.26", "0.21", ""]
    per_pixel, per_class, iou = order(TABLES["losses"], found)
    words = "2 of 3 pairs of rows in the paper's order; against it: L1 over cGAN"
    assert per_pixel == f"per pixel: {words}" and iou == f"IoU: {words}"
    assert per_class.startswith("per class: 0 of 3")  # equals


def test_rows_that_are_equal_in_the_paper_have_no_order() -> None:
    rows = [AblationRow(name, name, SegmentationScores(0.5, 0.1, 0.1)) for name in "ab"]
    assert order(AblationTable("x", rows), {"a": result(0.1), "b": result(0.2)}) == []
