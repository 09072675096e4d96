"""A cache changes only the time; and the cases in which there is none."""

import gc
import logging
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from test_data import LAB
from test_loader import assert_same, epochs
from tiny_sets import make_opt, noise, write_noise, write_pairs

from data import create_dataset, find_dataset
from data.base_dataset import BaseDataset, Batch
from data.cache import choice
from data.cache.choice import scaled_shapes
from data.cache.picture_cache import bytes_needed
from data.cache.shared_bytes import SharedFile
from data.loader import Loader
from data.transforms import PREPROCESS
from util.distributed import Process

MODES = ("aligned", "unaligned", "single", "colorization", "template")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_pairs(tmp_path / "train", 4, side=13)
    noise(27, 13).save(tmp_path / "train" / "odd.png")  # its right half is a pixel wider
    write_noise(tmp_path / "trainA", *(f"a{i}.png" for i in range(5)))
    write_noise(tmp_path / "trainB", *(f"b{i}.jpg" for i in range(3)))
    return tmp_path


def build(mode: str, root: Path, **flags: Any) -> BaseDataset:
    folder = root / "trainA" if mode == "single" else root
    channels = LAB if mode == "colorization" else {}
    return find_dataset(mode)(make_opt(folder, dataset_mode=mode, **(channels | flags)))


def run(
    dataset: BaseDataset, cache: str, *, workers: int = 0, start_method: str | None = None,
    batch_size: int = 2,
) -> list[Batch]:
    """Return the batches of two epochs; with a cache, the second comes from it."""
    dataset.pictures.open_cache(cache)
    assert dataset.pictures.has_cache == (cache != "none")
    loader = Loader(dataset, batch_size=batch_size, num_workers=workers, shuffle=True, seed=7,
                    start_method=start_method)
    return epochs(loader, 1, 2)


@pytest.mark.parametrize("resize", ["torch", "pillow"])
@pytest.mark.parametrize("preprocess", PREPROCESS)
@pytest.mark.parametrize("mode", MODES)
def test_batches_are_the_same_to_the_bit(
    mode: str, preprocess: str, resize: str, root: Path
) -> None:
    flags = {"preprocess": preprocess, "resize": resize}
    if mode == "aligned" and preprocess == "none":
        (root / "train" / "odd.png").unlink()  # halves of two sizes have no common size
    plain = run(build(mode, root, **flags), "none", batch_size=1)
    assert_same_sides(plain, run(build(mode, root, **flags), "ram", batch_size=1))


def assert_same_sides(left: list[Batch], right: list[Batch]) -> None:
    """Compare batches like ``assert_same``, also batches of one side."""
    for first, second in zip(left, right, strict=True):
        assert first.keys() == second.keys()
        assert first["A_paths"] == second["A_paths"]
        for side in ("A", "B"):
            if side in first:
                assert first[side].dtype == torch.float32
                assert torch.equal(first[side], second[side])


@pytest.mark.parametrize(
    "flags",
    [
        {"rotate": 20.0}, {"turn_90": True, "flip_vertical": True}, {"cutout": 3},
        {"colour_jitter": (0.2, 0.2, 0.0, 0.0)}, {"nearest": "B"}, {"value_range_A": [0, 99]},
        {"input_nc": 1}, {"no_flip": True},
    ],
    ids=lambda flags: next(iter(flags)),
)
def test_a_cache_changes_nothing_after_the_scaling(flags: dict[str, Any], root: Path) -> None:
    plain = run(build("aligned", root, **flags), "none")
    assert_same(plain, run(build("aligned", root, **flags), "ram"))


@pytest.mark.parametrize("cache", ["ram", "disk"])
@pytest.mark.parametrize(("workers", "start_method"), [(0, None), (2, "fork"), (2, "spawn")])
def test_workers_share_one_cache(
    cache: str, workers: int, start_method: str | None, root: Path
) -> None:
    alone = run(build("aligned", root), "none")
    dataset = build("aligned", root)
    assert_same(alone, run(dataset, cache, workers=workers, start_method=start_method))
    for path in (root / "train").iterdir():
        path.unlink()  # images stored by workers are visible here too
    assert_same(alone, epochs(Loader(dataset, batch_size=2, num_workers=0, shuffle=True, seed=7),
                              1, 2))


def test_samples_are_floats_outside_of_a_loader(root: Path) -> None:
    dataset = build("aligned", root)
    direct = dataset[0]["A"]
    assert direct.dtype == torch.float32
    loader = Loader(dataset, batch_size=1, num_workers=0, shuffle=False, seed=7)
    assert dataset[0]["A"].dtype == torch.uint8
    assert torch.equal(next(iter(loader))["A"][0], direct)


def test_16_bits_are_not_cut_to_8_and_may_share_a_batch_with_8(tmp_path: Path) -> None:
    for letter in "AB":
        (tmp_path / f"train{letter}").mkdir()
    deep = np.arange(400, dtype=np.uint16).reshape(20, 20) * 160 + 3
    for letter in "AB":
        Image.fromarray(deep).save(tmp_path / f"train{letter}" / "deep.png")
        noise(20, 20).convert("L").save(tmp_path / f"train{letter}" / "plain.png")
    flags = {"input_nc": 1, "output_nc": 1, "preprocess": "none", "no_flip": True}
    plain = run(build("unaligned", tmp_path, **flags), "none", batch_size=1)
    together = run(build("unaligned", tmp_path, **flags), "ram", batch_size=2)
    assert torch.equal(torch.cat([batch["A"] for batch in plain[:2]]), together[0]["A"])
    wanted = torch.from_numpy(deep / 32767.5 - 1).float()
    assert any(torch.equal(picture[0], wanted) for picture in together[1]["A"])


@pytest.mark.parametrize("preprocess", PREPROCESS)
def test_sizes_follow_from_headers(preprocess: str, root: Path) -> None:
    dataset = build("aligned", root, preprocess=preprocess)
    shapes = scaled_shapes(dataset.pictures.planned, dataset.recipe)
    assert len(shapes) == 10
    dataset.pictures.open_cache("ram")
    for index in range(len(dataset)):
        dataset[index]
    for (side, source), (channels, height, width) in shapes.items():
        kept = dataset.pictures.kept(side, source)
        assert kept is not None
        assert kept.shape == (height, width, channels)


def created(root: Path, **flags: Any) -> Loader:
    return create_dataset(make_opt(root, dataset_mode="aligned", **flags))


def needed(root: Path) -> int:
    dataset = build("aligned", root)
    return bytes_needed(scaled_shapes(dataset.pictures.planned, dataset.recipe))


@pytest.mark.parametrize(
    ("of_the_free", "line"),
    [(4.1, "cache: ram; 10 images, 0 MB"),
     (3.9, r"cache: none; 10 images, 0 MB decoded are more than a quarter of .* --cache disk")],
)
def test_by_default_a_cache_takes_a_quarter_of_the_free_memory(
    of_the_free: float, line: str, root: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(choice, "free_memory", lambda: int(of_the_free * needed(root)))
    loader = created(root, cache="auto")
    assert loader.dataset.pictures.has_cache == (of_the_free > 4)
    assert any(re.match(line, message) for message in caplog.messages)


def test_several_trainings_on_a_machine_share_its_memory(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "free_memory", lambda: 5 * needed(root))
    monkeypatch.setattr(choice, "current_process", lambda: Process(local_world_size=2))
    assert not created(root, cache="auto").dataset.pictures.has_cache


def test_by_default_there_is_no_cache_if_the_files_of_all_trainings_do_not_fit(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "shared_memory_left", lambda: 2**20)
    monkeypatch.setattr(choice, "temporary_space_left", lambda: int(1.5 * needed(root)))
    assert created(root, cache="auto").dataset.pictures.has_cache
    monkeypatch.setattr(choice, "current_process", lambda: Process(local_world_size=2))
    assert not created(root, cache="auto").dataset.pictures.has_cache


def test_little_shared_memory_leads_to_a_file(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(choice, "shared_memory_left", lambda: 2**20)
    assert created(root, cache="ram").dataset.pictures.has_cache
    assert any("cache: disk; 10 images, 0 MB, in a file because /dev/shm has 1 MB left" in line
               for line in caplog.messages)


def test_a_requested_cache_that_does_not_fit_is_an_error(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "free_memory", lambda: 100)
    with pytest.raises(ValueError, match="--cache ram needs 0 MB for 10 images, 0 MB of memory"):
        created(root, cache="ram")
    monkeypatch.setattr(choice, "temporary_space_left", lambda: 100)
    with pytest.raises(ValueError, match=r"does not fit in the folder for temporary files.*TMPDIR"):
        created(root, cache="disk")


def test_the_file_of_a_cache_is_removed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(root))
    loader = created(root, cache="disk", num_threads=2)
    loader.set_epoch(1)
    list(loader)
    assert len(list(root.glob("pictures_*.cache"))) == 1
    del loader
    gc.collect()
    assert list(root.glob("pictures_*.cache")) == []


@pytest.mark.skipif(os.name != "posix", reason="there are no locks of this kind")
def test_the_file_that_a_killed_program_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, new = tmp_path / "pictures_left.cache", tmp_path / "pictures_new.cache"
    left.touch()
    in_use = SharedFile(4)
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    new.touch()
    second = SharedFile(4)
    assert not left.exists()
    assert new.exists(), "its program may not have locked it yet"
    in_use.bytes[:] = 7
    assert len([*tmp_path.iterdir()]) == 3
    del in_use, second
    assert [*tmp_path.iterdir()] == [new]
