"""Scores of label maps, by hand and through JPEG."""

import numpy as np
import pytest
from label_scenes import COLOURS, as_jpeg, classes

from data.files.value_range import LEVELS
from metrics import create_metrics
from metrics.base_metric import Settings
from metrics.label_maps import class_accuracies, class_ious, confusion, pixel_accuracy
from metrics.metric_image import MetricImage
from metrics.palette import Palette

NAMES = ("pixel_accuracy", "class_accuracy", "mean_iou")


def test_confusion_by_hand() -> None:
    real = np.array([[0, 0, 0, 1], [1, 2, -1, -1]])
    fake = np.array([[0, 0, 1, 1], [0, 2, 2, 0]])
    counts = confusion(real, fake, 4)
    assert counts.tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert pixel_accuracy(counts) == pytest.approx(4 / 6)
    assert class_accuracies(counts) == pytest.approx({0: 2 / 3, 1: 1 / 2, 2: 1})
    assert class_ious(counts) == pytest.approx({0: 2 / 4, 1: 1 / 3, 2: 1})


def test_a_class_only_in_the_output_lowers_only_the_iou() -> None:
    counts = confusion(np.array([[0, 0]]), np.array([[0, 1]]), 2)
    assert class_accuracies(counts) == {0: 0.5}
    assert class_ious(counts) == {0: 0.5, 1: 0.0}


def scores(fakes: list[np.ndarray], reals: list[np.ndarray]) -> dict[str, float]:
    metrics, _ = create_metrics(NAMES, Settings(palette=Palette(COLOURS)))
    for fake, real in zip(fakes, reals, strict=True):
        for metric in metrics.values():
            metric.add(MetricImage(fake, LEVELS), MetricImage(real, LEVELS))
    return {name: metric.score().value for name, metric in metrics.items()}


def test_pixels_of_the_set_count_not_the_mean_of_images() -> None:
    black, large, small = COLOURS[0], np.zeros((4, 4), int), np.zeros((1, 1), int)
    wrong = np.ones((1, 1), int)
    found = scores([COLOURS[large], COLOURS[wrong]], [COLOURS[large], COLOURS[small]])
    assert black.tolist() == [0, 0, 222]
    assert found == pytest.approx({
        "pixel_accuracy": 16 / 17, "class_accuracy": 16 / 17, "mean_iou": (16 / 17 + 0) / 2,
    })


def test_noise_of_jpeg_changes_little_and_other_maps_much() -> None:
    reals = [COLOURS[classes(seed)] for seed in range(4)]
    noisy = scores([as_jpeg(real) for real in reals], reals)
    others = scores(reals[::-1], reals)
    assert min(noisy.values()) > 0.9
    assert all(others[name] < noisy[name] - 0.2 for name in NAMES)


def test_classes_have_parts_by_name() -> None:
    palette = Palette(COLOURS, ("back", "wall", "window", "door", "sill", "shop"))
    metrics, _ = create_metrics(["mean_iou"], Settings(palette=palette))
    truth = MetricImage(COLOURS[classes(0)], LEVELS)
    metrics["mean_iou"].add(truth, truth)
    parts = metrics["mean_iou"].score().parts
    assert set(parts.values()) == {1.0} and set(parts) <= {*palette.names}
