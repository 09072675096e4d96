"""Loss curves are read from losses.csv, thinned, smoothed and drawn."""

import math
from pathlib import Path

import numpy as np
import pytest
from imagined_run import EPOCH_SIZE, losses, progress

from display.curve_drawing import draw_curves, smooth
from display.curve_file import CurveFile, read_curves
from display.curves import Curves
from display.latest import LatestValues
from display.loss_groups import charts, line_styles, split_by_size
from display.reports import LossReport, Progress
from display.sinks.csv_sink import CsvLog


def test_rows_that_a_resumed_run_repeats_replace_the_older_ones(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    log = CsvLog(path)
    for images, value in [(100, 1.0), (200, 2.0), (400, 3.0), (200, 4.0), (500, 5.0)]:
        log.losses(losses(images, G=value))
    curves = read_curves(path, epoch_size=EPOCH_SIZE)
    assert curves.epochs == [0.25, 0.5, 1.25]
    assert curves.losses["G"] == [1.0, 4.0, 5.0]
    assert read_curves(path, epoch_size=EPOCH_SIZE, before=0.5).losses["G"] == [1.0, 4.0]
    assert read_curves(tmp_path / "none.csv", epoch_size=EPOCH_SIZE).epochs == []


def test_curves_continue_if_a_run_from_weights_counts_images_from_0(tmp_path: Path) -> None:
    """The count may restart inside an epoch."""
    path = tmp_path / "losses.csv"
    for epoch, images, epoch_images in [(1, 400, 400), (2, 100, 100), (2, 150, 300), (3, 250, 100)]:
        place = Progress(epoch, 3, images, epoch_images, EPOCH_SIZE)
        CsvLog(path).losses(LossReport(place, {"G": float(images)}, 0.1, 0.0, 2e-4))
    curves = read_curves(path, epoch_size=EPOCH_SIZE)
    assert curves.epochs == [1.0, 1.25, 1.75, 2.25]
    assert curves.losses["G"] == [400.0, 100.0, 150.0, 250.0]


def test_older_files_without_epoch_images_are_read_by_images(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    path.write_text("epoch,images,G,lr,seconds,data_share\n1,400,1,0,0,0\n2,500,2,0,0,0\n")
    curves = read_curves(path, epoch_size=EPOCH_SIZE)
    assert curves.epochs == [1.0, 1.25]
    assert curves.losses["G"] == [1.0, 2.0]


def test_last_image_of_an_epoch_belongs_to_it(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    CsvLog(path).losses(losses(2 * EPOCH_SIZE))
    assert (
        read_curves(path, epoch_size=EPOCH_SIZE).epochs == [progress(800).epoch_position] == [2.0]
    )


def test_curve_file_reads_every_row_once(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    log, curve_file = CsvLog(path), CurveFile(path)
    assert curve_file.update(epoch_size=EPOCH_SIZE) == 0
    for images in (100, 200, 300):
        before = path.stat().st_size if path.exists() else 0
        log.losses(losses(images, G=float(images)))
        header = path.read_bytes().index(b"\n") + 1
        added = path.stat().st_size - (before or header)
        assert curve_file.update(epoch_size=EPOCH_SIZE) == added
    assert curve_file.update(epoch_size=EPOCH_SIZE) == 0
    assert curve_file.curves.epochs == [0.25, 0.5, 0.75]
    assert curve_file.curves.losses["G"] == [100.0, 200.0, 300.0]
    assert curve_file.curves.losses["lr"] == [2e-4] * 3


def test_curve_file_waits_for_the_end_of_a_line_and_ignores_incomplete_ones(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    path.write_text("epoch,images,epoch_images,G,lr,seconds,data_share\n1,100,100,1,0,0,0\n1,2")
    curve_file = CurveFile(path)
    curve_file.update(epoch_size=EPOCH_SIZE)
    assert curve_file.curves.losses["G"] == [1.0]
    path.write_text(path.read_text() + "\n1,300,300,3,0,0,0\n")
    curve_file.update(epoch_size=EPOCH_SIZE)
    assert curve_file.curves.losses["G"] == [1.0, 3.0]


def test_curve_file_follows_a_resume_and_a_change_of_losses(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    curve_file = CurveFile(path)
    for images, value in [(100, 1.0), (200, 2.0), (400, 3.0), (200, 4.0), (500, 5.0)]:
        CsvLog(path).losses(losses(images, G=value))
        curve_file.update(epoch_size=EPOCH_SIZE)
    assert curve_file.curves.epochs == [0.25, 0.5, 1.25]
    assert curve_file.curves.losses["G"] == [1.0, 4.0, 5.0]
    CsvLog(path).losses(losses(600, other=6.0))
    curve_file.update(epoch_size=EPOCH_SIZE)
    assert curve_file.curves.epochs == [1.5]
    assert "G" not in curve_file.curves.losses


def test_curve_of_a_long_file_stays_short_and_exact(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    rows = [f"{epoch},0,400,{epoch},0,0,0" for epoch in range(1, 10_001)]
    path.write_text("\n".join(["epoch,images,epoch_images,G,lr,seconds,data_share", *rows, ""]))
    curve_file = CurveFile(path)
    curve_file.update(epoch_size=400)
    epochs, values = curve_file.curves.epochs, curve_file.curves.losses["G"]
    assert 1000 <= len(epochs) < 2000
    steps = np.diff(epochs)
    assert steps.min() == steps.max() == 8, "each point is the mean of as many rows"
    assert np.allclose(epochs, values)


def test_thinned_curve_is_short_and_keeps_the_mean() -> None:
    curves = Curves()
    for step in range(5000):
        curves.add(step, {"G": float(step % 2)})
    epochs, thinned = curves.thinned(points=100)
    assert len(epochs) == len(thinned["G"]) == 100
    assert np.allclose(thinned["G"], 0.5)
    assert epochs[0] == 24.5


def test_loss_that_starts_late_or_is_not_finite_leaves_a_gap() -> None:
    curves = Curves()
    curves.add(1.0, {"G": 1.0})
    curves.add(2.0, {"G": float("inf"), "D": 2.0})
    _, thinned = curves.thinned()
    assert np.array_equal(thinned["G"], [1.0, np.nan], equal_nan=True)
    assert np.array_equal(thinned["D"], [np.nan, 2.0], equal_nan=True)


def test_smoothing_is_a_mean_of_neighbours_that_ignores_nan() -> None:
    values = np.array([0.0, 3.0, np.nan, 5.0, 5.0])
    assert np.array_equal(smooth(values, window=1), [1.5, 1.5, np.nan, 5.0, 5.0], equal_nan=True)
    assert smooth(np.array([2.0]), window=3).tolist() == [2.0]


def test_losses_of_very_different_size_get_two_charts() -> None:
    sizes = {"G_GAN": 1.0, "G_L1": -20.0, "D_real": 0.4, "D_fake": 0.5, "zero": 0.0}
    curves = {name: np.full(3, size) for name, size in sizes.items()}
    assert split_by_size(curves) == [["G_L1"], ["G_GAN", "D_real", "D_fake", "zero"]]
    curves["G_L1"] /= 5
    assert split_by_size(curves) == [list(sizes)]


PIX2PIX = {"G_GAN": 1.0, "G_L1": 30.0, "D_real": 0.5, "D_fake": 0.4}
CYCLE_GAN = {"D_A": 0.2, "G_A": 0.4, "cycle_A": 2.0, "idt_A": 0.9, "D_B": 0.2, "G_B": 0.4,
             "cycle_B": 2.0, "idt_B": 0.9, "cycle_psnr": 20.0, "cycle_l1": 0.1, "cycle_ssim": 0.5}


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        (PIX2PIX, [["G_GAN"], ["D_real", "D_fake"], ["G_L1"]]),
        (CYCLE_GAN, [["G_A", "G_B"], ["D_A", "D_B"], ["cycle_A", "idt_A", "cycle_B", "idt_B"],
                     ["cycle_psnr"], ["cycle_l1", "cycle_ssim"]]),
        ({"total": 9.0, "dense": 0.5, "style": 2000.0, "tv": 0.1},
         [["style"], ["total"], ["dense", "tv"]]),
    ],
)
def test_losses_are_grouped_by_kind_and_size(
    sizes: dict[str, float], expected: list[list[str]]
) -> None:
    curves = Curves([0.5, 1.0], {name: [size, size] for name, size in sizes.items()})
    found = charts(curves, list(sizes))
    assert [list(chart.values) for chart in found] == expected
    assert not any(chart.is_log for chart in found)


def test_a_loss_that_falls_by_orders_of_magnitude_has_a_logarithmic_scale() -> None:
    curves = Curves(list(range(5)), {"G_L1": [50.0, 20.0, 5.0, 1.0, 0.5], "D": [-1.0, 90, 1, 1, 1]})
    assert {chart.title: chart.is_log for chart in charts(curves, ["G_L1", "D"])} == {
        "losses of D": False, "L1, cycle and identity losses": True
    }


def test_every_loss_has_its_own_style_which_does_not_depend_on_the_others() -> None:
    many = line_styles([*CYCLE_GAN, *(f"loss_{number}" for number in range(16)), "lr"])
    assert len(set(many.values())) == len(many) == 27
    assert line_styles(["G_L1"])["G_L1"] == line_styles(PIX2PIX)["G_L1"]
    assert len({style.colour for style in line_styles(PIX2PIX).values()}) == 4


def test_values_that_are_not_finite_are_marked_where_they_were(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    rows = [f"{epoch},0,400,{'nan' if epoch == 1500 else 1},0,0,0" for epoch in range(1, 4001)]
    path.write_text("\n".join(["epoch,images,epoch_images,G,lr,seconds,data_share", *rows, ""]))
    curves = read_curves(path, epoch_size=400)
    assert list(curves.broken()) == ["G"]
    assert abs(curves.broken()["G"] - 1500).max() <= 2, "also after the curve was thinned"
    draw_curves(curves, tmp_path / "a.svg")
    assert "G not finite" in (tmp_path / "a.svg").read_text()


def test_names_of_losses_are_shown_as_they_are_or_cut(tmp_path: Path) -> None:
    curves = Curves([0.5, 1.0], {"$\\bad{": [1.0, 2.0], "long" * 30: [1.0, 2.0]})
    (width, _), = draw_curves(curves, tmp_path / "a.svg")
    assert width == 440
    assert f"<!-- {'long' * 10}l... -->" in (tmp_path / "a.svg").read_text()


def test_latest_values_are_those_of_the_last_two_epochs() -> None:
    latest = LatestValues()
    for epoch, value in [(1, 50.0), (2, 4.0), (2, 2.0), (3, 1.0), (3, math.inf), (3, 2.0)]:
        latest.add(epoch, {"G": value} | ({"val_l1": value} if epoch == 2 else {}))
    first, second = latest.rows(["G", "val_l1"])
    assert (first.last, first.mean, first.change) == (2.0, 1.5, -0.5)
    assert second.last == 2.0 and math.isnan(second.mean)
    latest.add(2, {"G": 6.0})  # a run that was resumed from an older checkpoint
    assert latest.epoch == 2 and latest.rows(["G"])[0].mean == 4.0


def test_the_end_of_an_epoch_is_drawn_at_its_number_also_if_the_set_has_grown(
    tmp_path: Path,
) -> None:
    path = tmp_path / "losses.csv"
    places = [(1, 100), (1, 200), (2, 200), (3, 200), (4, 300), (4, 400)]
    rows = [f"{epoch},0,{images},1,0,0,0" for epoch, images in places]
    path.write_text("\n".join(["epoch,images,epoch_images,G,lr,seconds,data_share", *rows, ""]))
    assert read_curves(path, epoch_size=400).epochs == [0.5, 1.0, 2.0, 3.0, 3.75, 4.0]
    assert read_curves(path, epoch_size=100).epochs[-1] == 4.0


@pytest.mark.parametrize("points", [1, 2, 50])
def test_drawing_is_a_complete_svg_with_all_panels(tmp_path: Path, points: int) -> None:
    curves = Curves()
    for step in range(points):
        values = {"G": 1.0, "D": float("nan"), "L1": 50.0, "lr": 2e-4, "seconds": 0.1}
        curves.add(1 + step / 10, values)
    draw_curves(curves, tmp_path / "losses.svg")
    text = (tmp_path / "losses.svg").read_text()
    assert text.rstrip().endswith("</svg>")
    assert 'id="axes_5"' in text, "G, D, L1, learning rate, images per second"
    assert 'id="axes_6"' not in text
    assert [path.name for path in tmp_path.iterdir()] == ["losses.svg"]


def test_values_of_validations_are_drawn_only_where_they_were_measured(tmp_path: Path) -> None:
    """The columns are empty in other rows; an incomplete line is still ignored."""
    path = tmp_path / "losses.csv"
    log = CsvLog(path, ["val_l1"])
    for images, values in [(100, {}), (200, {"val_l1": 0.5}), (300, {}), (400, {"val_l1": 0.25})]:
        log.losses(LossReport(progress(images), {"G": images}, 0.1, 0.0, 2e-4, values))
    with path.open("a") as file:
        file.write("2,500,100,500\n")
    followed = CurveFile(path)
    followed.update(epoch_size=EPOCH_SIZE)
    for curves in (read_curves(path, epoch_size=EPOCH_SIZE), followed.curves):
        assert curves.epochs == [0.25, 0.5, 0.75, 1.0]
        assert curves.losses["G"] == [100.0, 200.0, 300.0, 400.0]
        measured = curves.known("val_l1")
        assert measured.epochs == [0.5, 1.0]
        assert measured.losses == {"val_l1": [0.5, 0.25]}
    plain, = draw_curves(Curves([1.0], {"G": [1.0]}), tmp_path / "a.svg")
    assert draw_curves(followed.curves, tmp_path / "b.svg")[0][1] > plain[1]
