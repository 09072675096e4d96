"""Augmentation is the same for both sides of a pair, and off by default."""

import pickle
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_sets import make_opt, write_noise, write_pairs

import data
from data.aligned_dataset import AlignedDataset
from data.augment import UNCHANGED, Augmentation
from data.base_dataset import Sample
from data.colorization_dataset import ColorizationDataset
from data.loader import Loader
from data.transforms import PREPROCESS, Recipe
from data.unaligned_dataset import UnalignedDataset

GEOMETRY: dict[str, dict[str, Any]] = {
    "flip_vertical": {"flip_vertical": True},
    "turn_90": {"turn_90": True},
    "rotate": {"rotate": 20.0},
    "zoom": {"zoom": (0.7, 1.3)},
    "translate": {"translate": 0.2},
    "cutout": {"cutout": 3},
}
JITTER: dict[str, Any] = {"colour_jitter": (0.3, 0.3, 0.3, 0.1)}
ALL_SHAPES = {key: value for flags in GEOMETRY.values() for key, value in flags.items()}
LAB = {"input_nc": 1, "output_nc": 2}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_pairs(tmp_path / "train", 4)
    write_noise(tmp_path / "trainA", *(f"a{i}.png" for i in range(4)))
    write_noise(tmp_path / "trainB", *(f"b{i}.png" for i in range(4)))
    return tmp_path


def samples(name: str, root: Path, epochs: int = 2, **changes: Any) -> list[Sample]:
    dataset = data.find_dataset(name)(make_opt(root, dataset_mode=name, **changes))
    found = []
    for epoch in range(epochs):
        dataset.set_epoch(epoch)
        found += [dataset[index] for index in range(4)]
    return found


@pytest.mark.parametrize("preprocess", PREPROCESS)
@pytest.mark.parametrize("flags", [*GEOMETRY.values(), ALL_SHAPES], ids=[*GEOMETRY, "all"])
def test_equal_pairs_stay_equal_and_are_changed(
    flags: dict[str, Any], preprocess: str, root: Path
) -> None:
    plain = samples("aligned", root, preprocess=preprocess)
    found = samples("aligned", root, preprocess=preprocess, **flags)
    assert all(torch.equal(sample["A"], sample["B"]) for sample in found)
    changed = [not torch.equal(x["A"], y["A"]) for x, y in zip(plain, found, strict=True)]
    assert sum(changed) >= 2
    assert [x["A"].shape for x in plain] == [x["A"].shape for x in found]


@pytest.mark.parametrize(("direction", "source"), [("AtoB", "A"), ("BtoA", "B")])
@pytest.mark.parametrize("name", ["aligned", "unaligned", "colorization"])
def test_colours_change_on_the_input_only(
    name: str, direction: str, source: str, root: Path
) -> None:
    if name == "colorization" and direction == "BtoA":
        pytest.skip("has one direction")
    flags: dict[str, Any] = {"direction": direction} | (LAB if name == "colorization" else {})
    strength = (0.3, 0.3, 0.0, 0.0) if name == "colorization" else (0.3, 0.3, 0.3, 0.1)
    plain = samples(name, root, **flags)
    found = samples(name, root, **flags, colour_jitter=strength)
    target = "B" if source == "A" else "A"
    for first, second in zip(plain, found, strict=True):
        assert torch.equal(first[target], second[target])  # type: ignore[literal-required]
        assert not torch.equal(first[source], second[source])  # type: ignore[literal-required]


@pytest.mark.parametrize("name", ["aligned", "unaligned", "template"])
def test_workers_and_copies_change_nothing(name: str, root: Path) -> None:
    opt = make_opt(root, dataset_mode=name, **ALL_SHAPES, **JITTER)
    dataset = data.find_dataset(name)(opt)
    copy = pickle.loads(pickle.dumps(dataset))
    batches = []
    for case, workers in ((dataset, 0), (copy, 2)):
        loader = Loader(case, batch_size=2, num_workers=workers, shuffle=True, seed=7)
        loader.set_epoch(3)
        batches.append(list(loader))
    for alone, worked in zip(*batches, strict=True):
        assert torch.equal(alone["A"], worked["A"])
        assert torch.equal(alone["B"], worked["B"])


def test_a_test_does_not_augment_images(root: Path) -> None:
    opt = make_opt(root, isTrain=False, nearest="")
    for flag in (*ALL_SHAPES, *JITTER):
        delattr(opt, flag)  # test.py has none of these flags
    assert AlignedDataset(opt).recipe.augmentation == Augmentation()
    assert torch.equal(AlignedDataset(opt)[0]["A"], samples("aligned", root)[0]["A"])


def recipe(**flags: Any) -> Recipe:
    return Recipe("resize_and_crop", 16, 8, flip=True, augmentation=Augmentation(**flags))


@pytest.mark.parametrize("flags", [*GEOMETRY.values(), JITTER], ids=[*GEOMETRY, "jitter"])
def test_a_flag_does_not_change_the_draws_of_another(flags: dict[str, Any]) -> None:
    others = {key: value for key, value in (ALL_SHAPES | JITTER).items() if key not in flags}
    owned = {
        "flip_vertical": {"upside_down"}, "turn_90": {"quarter_turns"}, "rotate": {"matrix"},
        "zoom": {"matrix"}, "translate": {"matrix"}, "cutout": {"cutout", "centre"},
        "colour_jitter": {"brightness", "contrast", "saturation", "hue"},
    }[next(iter(flags))]
    for seed in range(5):
        rngs = Random(seed), Random(seed), Random(seed)
        every, rest, none = (
            recipe(**chosen).draw((20, 20), rng, source=Path("x.png"))
            for chosen, rng in zip((others | flags, others, {}), rngs, strict=True)
        )
        assert every.box == rest.box == none.box
        assert every.mirror == rest.mirror == none.mirror
        assert none.augment == UNCHANGED
        before, after = vars(rest.augment), vars(every.augment)
        assert {key for key in before if before[key] != after[key]} <= owned
        # What is drawn next, such as the other side of an unaligned sample.
        assert len({rng.random() for rng in rngs}) == 1


def test_draws_are_uniform() -> None:
    rng = Random(0)
    drawn = [Augmentation(**ALL_SHAPES, **JITTER).draw((10, 10), rng) for _ in range(400)]
    assert 160 < sum(draw.upside_down for draw in drawn) < 240
    assert all(60 < sum(draw.quarter_turns == k for draw in drawn) < 140 for k in range(4))
    brightness = [draw.brightness for draw in drawn]
    assert 0.7 <= min(brightness) < 0.72 and 1.28 < max(brightness) <= 1.3
    assert -0.1 <= min(draw.hue for draw in drawn) < -0.09
    assert len({value for draw in drawn for value in draw.centre}) == 800


def test_labels_stay_labels(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    levels = np.array([0, 50, 200, 255], np.uint8)
    pair = np.random.default_rng(1).choice(levels, (24, 48, 3))
    Image.fromarray(pair).save(tmp_path / "train" / "1.png")
    flags = {"rotate": 30.0, "zoom": (0.8, 1.4), "load_size": 13}

    def colours(side: str, **how: Any) -> set[float]:
        sample = AlignedDataset(make_opt(tmp_path, **flags, **how))[0]
        picture = sample[side]  # type: ignore[literal-required]
        return set(((picture + 1) * 127.5).round().unique().tolist())

    known = set(levels.tolist())
    assert len(colours("A") - known) > 9
    for nearest in ("A", "B", "AB"):
        for side in "AB":
            assert (colours(side, nearest=nearest) <= known) == (side in nearest)


def test_cutout_of_colorization_is_grey(root: Path) -> None:
    sample = ColorizationDataset(make_opt(root, cutout=3, **LAB))[0]
    A, B = sample["A"][0] == 0, (sample["B"] == 0).all(0)
    assert B.sum() >= 4
    assert torch.equal(A & B, B)


def test_both_sides_of_an_unaligned_sample_have_draws_of_their_own(root: Path) -> None:
    # a0 and b0 are the same noise
    flags = {"serial_batches": True, "load_size": 8, "no_flip": True}
    same = UnalignedDataset(make_opt(root, **flags))[0]
    assert torch.equal(same["A"], same["B"])
    apart = UnalignedDataset(make_opt(root, **flags, rotate=40.0))[0]
    assert not torch.equal(apart["A"], apart["B"])
