"""scripts/train_scorer.py and the FCN-score: training, the file, and the order of outputs."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scenes import SIDE, scene, write_scenes

from data.files.value_range import LEVELS
from metrics import create_metrics
from metrics.base_metric import Metric, Settings, UndefinedError
from metrics.fcn_score_metric import three_scores
from metrics.metric_image import MetricImage
from metrics.segmenter.network import Segmenter
from metrics.segmenter.scorer import load_scorer, scaled_labels
from scripts import train_scorer

TINY = ["--gpu_ids", "-1", "--size", "64", "--width", "8", "--batch_size", "4"]


@pytest.fixture(scope="module")
def dataroot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scenes")
    write_scenes(root, test=12)
    return root


@pytest.fixture(scope="module")
def scorer_file(dataroot: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scorer") / "scorer.pth"
    train_scorer.main(["--dataroot", str(dataroot), "--out", str(path), "--epochs", "90", *TINY])
    return path


def metric_of(path: Path) -> Metric:
    ready, left_out = create_metrics(["fcn_score"], Settings(weights={"scorer": path}))
    assert not left_out
    return ready["fcn_score"]


def as_image(pixels: np.ndarray) -> MetricImage:
    return MetricImage(pixels, LEVELS)


@pytest.mark.parametrize("sides", [(32, 32), (64, 96)])
def test_the_segmenter_gives_every_pixel_a_logit_for_each_class(sides: tuple[int, int]) -> None:
    assert Segmenter(5, width=2)(torch.zeros(2, 3, *sides)).shape == (2, 5, *sides)


def test_it_learns_to_label_new_photos(scorer_file: Path, dataroot: Path) -> None:
    scorer, metric = load_scorer(scorer_file), metric_of(scorer_file)
    assert {tuple(colour) for colour in scorer.palette.colours} == {(0, 0, 220), (250, 80, 0)}
    for seed in range(100, 112):
        photo, labels = map(as_image, scene(seed))
        metric.add(photo, photo, labels)
    score = metric.score()
    assert score.value > 0.9 and score.count == 12
    assert score.parts["class IoU"] > 0.7
    assert score.parts["real photos, class IoU"] == score.parts["class IoU"]


def test_the_file_holds_only_tensors_and_plain_values(scorer_file: Path) -> None:
    state = torch.load(scorer_file, weights_only=True)
    assert state["size"] == 64 and state["palette"].dtype == torch.uint8
    assert state["facts"] == {"pairs": 12, "epochs": 90, "seed": 0}
    assert len(state["training"]) == 64


def test_the_hash_is_that_of_the_training_images(dataroot: Path, tmp_path: Path) -> None:
    """Equal images give equal files; another image gives another hash."""
    states = []
    for name, count in (("one", 4), ("same", 4), ("other", 5)):
        argv = ["--dataroot", str(dataroot), "--out", str(tmp_path / name), "--epochs", "1",
                "--max_dataset_size", str(count), *TINY]
        train_scorer.main(argv)
        states.append(torch.load(tmp_path / name, weights_only=True))
    first, same, other = states
    assert first["training"] == same["training"] != other["training"]
    assert all(torch.equal(first["net"][key], same["net"][key]) for key in first["net"])


def test_real_photos_score_above_degraded_ones_and_noise(scorer_file: Path) -> None:
    rng = np.random.default_rng(0)
    scores = []
    for noise_share in (0.0, 0.5, 1.0):
        metric = metric_of(scorer_file)
        for seed in range(100, 106):
            photo, labels = scene(seed)
            noise = rng.integers(0, 256, photo.shape)
            fake = ((1 - noise_share) * photo + noise_share * noise).astype(np.uint8)
            value = metric.add(as_image(fake), as_image(photo), as_image(labels))
            assert value is not None and 0 <= value <= 1
        scores.append(metric.score())
    reals = {name: score for name, score in scores[0].parts.items() if "real" in name}
    for better, worse in pairwise(scores):
        assert better.value > worse.value
        assert better.parts["class IoU"] > worse.parts["class IoU"]
    assert all(reals.items() <= score.parts.items() for score in scores)
    assert "of the real photos per-pixel accuracy" in scores[2].notes[0]
    assert "64 x 64 pixels, 2 classes" in scores[2].notes[1]


def test_noise_is_labelled_as_nothing(scorer_file: Path) -> None:
    scorer = load_scorer(scorer_file)
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    nothing = scorer.class_count - 1
    assert (scorer.segment(noise) == nothing).mean() > 0.8
    assert (scorer.segment(scene(100)[0]) == nothing).mean() < 0.05


def test_images_of_other_sizes_are_scaled(scorer_file: Path) -> None:
    photo, labels = scene(100)
    values = []
    for factor in (1, 2):
        size = (factor * SIDE, factor * SIDE)
        large = [Image.fromarray(image).resize(size, Image.Resampling.NEAREST)
                 for image in (photo, labels)]
        real, given = (as_image(np.asarray(image)) for image in large)
        values.append(metric_of(scorer_file).add(real, real, given))
    assert values[0] == pytest.approx(values[1], abs=0.03)


def test_inputs_that_it_cannot_score_are_refused(scorer_file: Path) -> None:
    metric = metric_of(scorer_file)
    photo, labels = map(as_image, scene(0))
    with pytest.raises(UndefinedError, match="input is not known: give a run"):
        metric.add(photo, photo)
    with pytest.raises(UndefinedError, match="no label map in the 2 colours"):
        metric.add(labels, labels, photo)
    with pytest.raises(UndefinedError, match="needs at least 1 pair, got none"):
        metric.score()
    assert "a segmenter of scripts/train_scorer.py" in create_metrics(["fcn_score"], Settings())[1][
        "fcn_score"]


def test_a_scorer_without_the_class_nothing_is_refused(scorer_file: Path, tmp_path: Path) -> None:
    state = torch.load(scorer_file, weights_only=True)
    for name in ("head.weight", "head.bias"):
        state["net"][name] = state["net"][name][:-1]
    torch.save(state, tmp_path / "x.pth")
    with pytest.raises(ValueError, match=r"2 classes, but 3 are wanted.* train it again by"):
        load_scorer(tmp_path / "x.pth")


def test_another_file_is_refused(tmp_path: Path) -> None:
    torch.save({"net": {}}, tmp_path / "x.pth")
    with pytest.raises(ValueError, match=r"x\.pth is not a scorer .* scripts/train_scorer\.py"):
        load_scorer(tmp_path / "x.pth")


def test_three_scores_by_hand() -> None:
    """Three of 4 pixels of class 0 and two of 3 of class 1 are right; the last is "nothing".

    Class 2 does not occur. The means do not count the class "nothing".
    """
    counts = np.array([[3, 1, 0, 0], [0, 2, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]])
    assert three_scores(counts) == pytest.approx({
        "per-pixel accuracy": 5 / 7, "per-class accuracy": (3 / 4 + 2 / 3) / 2,
        "class IoU": (3 / 4 + 2 / 4) / 2,
    })


def test_scaling_never_mixes_classes() -> None:
    classes = np.array([[0, 9], [9, 0]])
    assert set(np.unique(scaled_labels(classes, 7))) == {0, 9}
