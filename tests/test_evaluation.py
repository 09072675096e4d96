"""Images for metrics, from a network or from a file; refused images are counted."""

from pathlib import Path

import numpy as np
import pytest
import torch
from stand_ins import disturbed, picture

from data.files.image_io import write_image
from data.files.pillow_files import PictureError
from data.files.value_range import ValueRange
from display.images import to_picture
from metrics import create_metrics
from metrics.base_metric import Settings
from metrics.evaluation import Example, evaluate
from metrics.metric_image import MetricImage
from metrics.report.compared_sets import find_runs


def test_an_output_in_memory_equals_its_file() -> None:
    image = torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(0)) * 2.2 - 1.1
    assert (MetricImage.of_tensor(image).pixels == to_picture(image)).all()
    deep = MetricImage.of_tensor(image, dtype="uint16", limits=ValueRange(0, 4095))
    assert deep.pixels.max() == 4095 and deep.unit.max() == 1


@pytest.mark.parametrize(("channels", "wanted"), [(2, 1), (4, 3), (5, 5)])
def test_transparent_pixels_show_a_white_background(
    channels: int, wanted: int, tmp_path: Path
) -> None:
    pixels = np.zeros((4, 6, channels), np.uint8)
    path = tmp_path / ("x.tif" if channels == 5 else "x.png")
    write_image(pixels, path)
    found = MetricImage.read(path)
    assert found.channels == wanted and found.size == (6, 4)
    assert found.unit.max() == (0 if channels == 5 else 1)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(PictureError, match=r"x\.png"):
        MetricImage.read(tmp_path / "x.png")


def test_images_that_a_metric_refuses_are_counted() -> None:
    metrics, _ = create_metrics(["l1", "ssim"], Settings())
    examples = [Example(f"{side}", disturbed(picture(side, (side, side, 3)), 0.1),
                        picture(side, (side, side, 3))) for side in (8, 20, 30)]
    found = evaluate(examples, metrics)
    assert found.scores["ssim"].count == 2 and found.scores["l1"].count == 3
    assert found.skipped == {"ssim": (
        "leaves out 1 of 3 images; 8: it needs sides of at least 11 pixels for its window, "
        "this image has 8 x 8"
    )}
    assert set(found.values["8"]) == {"l1"} and set(found.values["20"]) == {"l1", "ssim"}


def test_values_that_are_not_numbers_are_left_out() -> None:
    metrics, _ = create_metrics(["l1"], Settings())
    broken = MetricImage(np.full((4, 4, 1), np.nan, np.float32), ValueRange(0, 1))
    found = evaluate([Example("x", broken, picture(0, (4, 4, 1)))], metrics)
    assert not found.scores and "NaN" in found.left_out["l1"]


@pytest.mark.parametrize(("labels", "output", "given"), [
    (("real_A", "fake_B", "real_B"), "fake_B", "real_A"),
    (("real_A", "real_B_rgb", "fake_B_rgb"), "fake_B_rgb", "real_A"),
    (("real_A", "fake_B", "rec_A", "real_B", "fake_A", "rec_B"), "fake_B", "real_A"),
])
def test_results_of_every_model_are_found(
    labels: tuple[str, ...], output: str, given: str, tmp_path: Path
) -> None:
    images = tmp_path / "results" / "run" / "test_latest" / "images"
    names = ["deep/er/10", "deep/er/9", "x_fake_B_y"]
    for name in names:
        for label in labels:
            write_image(picture(0, (4, 4, 3)).pixels, images / f"{name}_{label}.png")
    (compared,) = find_runs(["run"], results_dir=tmp_path / "results", checkpoints_dir=tmp_path)
    assert [files.name for files in compared.files] == ["deep/er/9", "deep/er/10", "x_fake_B_y"]
    for files in compared.files:
        assert files.fake == images / f"{files.name}_{output}.png"
        assert files.real == images / f"{files.name}_{output.replace('fake', 'real')}.png"
        assert files.given == images / f"{files.name}_{given}.png"
