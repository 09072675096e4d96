import random
from pathlib import Path

import pytest
import torch
from tiny_sets import make_opt, write_noise

from data import create_dataset
from data.base_dataset import Batch, Sample
from data.epoch_order import EpochOrder, seeded
from data.files.pillow_files import PictureError
from data.loader import Loader
from data.unaligned_dataset import UnalignedDataset


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_noise(tmp_path / "trainA", *(f"{i}.png" for i in range(5)))
    write_noise(tmp_path / "trainB", *(f"{i}.png" for i in range(3)))
    return tmp_path


def epochs(loader: Loader, *numbers: int) -> list[Batch]:
    batches = []
    for number in numbers:
        loader.set_epoch(number)
        batches += list(loader)
    return batches


def make_loader(root: Path, workers: int = 0, start_method: str | None = None) -> Loader:
    return Loader(
        UnalignedDataset(make_opt(root)),
        batch_size=2,
        num_workers=workers,
        shuffle=True,
        seed=7,
        start_method=start_method,
    )


def assert_same(left: list[Batch], right: list[Batch]) -> None:
    assert len(left) == len(right)
    for first, second in zip(left, right, strict=True):
        assert first["A_paths"] == second["A_paths"]
        assert first["B_paths"] == second["B_paths"]
        assert torch.equal(first["A"], second["A"])
        assert torch.equal(first["B"], second["B"])


@pytest.mark.parametrize(("workers", "start_method"), [(2, "fork"), (1, "spawn")])
def test_workers_change_nothing(root: Path, workers: int, start_method: str) -> None:
    alone = epochs(make_loader(root), 1, 2)
    assert_same(alone, epochs(make_loader(root, workers, start_method), 1, 2))
    first, second = alone[:3], alone[3:]
    assert [b["A_paths"] for b in first] != [b["A_paths"] for b in second]


def test_batches_left_over_from_a_broken_epoch_are_dropped(root: Path) -> None:
    loader = make_loader(root, 2, "fork")
    loader.set_epoch(1)
    next(iter(loader))
    assert_same(epochs(make_loader(root), 2), epochs(loader, 2))


@pytest.mark.parametrize("workers", [0, 1])
def test_the_first_batches_are_those_of_the_epoch(root: Path, workers: int) -> None:
    whole = epochs(make_loader(root), 1)
    loader = make_loader(root, workers)
    loader.set_epoch(1)
    for count in (0, 2, 4):
        before = torch.get_rng_state()
        assert_same(whole[:count], list(loader.first(count)))
        assert torch.equal(torch.get_rng_state(), before)


def test_a_batch_is_a_collated_sample_and_the_last_may_be_short(root: Path) -> None:
    batches = epochs(make_loader(root), 1)
    assert [b["A"].shape for b in batches] == [(2, 3, 8, 8), (2, 3, 8, 8), (1, 3, 8, 8)]
    assert isinstance(batches[0]["A_paths"], list)
    assert batches[0]["A"].is_contiguous()


def test_every_image_once_and_resume_inside_an_epoch(root: Path) -> None:
    loader = make_loader(root)
    whole = epochs(loader, 3)
    assert len({path for batch in whole for path in batch["A_paths"]}) == len(loader) == 5
    loader.set_epoch(3, start_image=2)
    assert_same(whole[1:], list(loader))
    loader.set_epoch(3, start_image=5)
    assert list(loader) == []
    with pytest.raises(ValueError, match="after 6 images: the set has 5"):
        loader.set_epoch(3, start_image=6)


@pytest.mark.parametrize("workers", [0, 1])
def test_global_random_states_are_left_alone(root: Path, workers: int) -> None:
    before = torch.get_rng_state(), random.getstate()
    epochs(make_loader(root, workers), 1)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]


def test_serial_batches_come_in_order(root: Path) -> None:
    opt = make_opt(root, dataset_mode="unaligned", serial_batches=True, batch_size=5)
    (batch,) = epochs(create_dataset(opt), 1)
    assert [Path(path).stem for path in batch["A_paths"]] == ["0", "1", "2", "3", "4"]
    assert [Path(path).stem for path in batch["B_paths"]] == ["0", "1", "2", "0", "1"]


def test_created_loaders_follow_the_seed_of_the_options(root: Path) -> None:
    for seed in (7, 8):
        opt = make_opt(root, dataset_mode="unaligned", seed=seed)
        order = EpochOrder(5, seed=seed, shuffle=True)
        order.epoch = 1
        paths = [path for batch in epochs(create_dataset(opt), 1) for path in batch["A_paths"]]
        assert [int(Path(path).stem) for path in paths] == list(order) != [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("device", "pinned"), [("cpu", False), ("mps", False), ("cuda", True)])
def test_memory_is_pinned_for_the_chosen_device_only(
    root: Path, monkeypatch: pytest.MonkeyPatch, device: str, pinned: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    opt = make_opt(root, dataset_mode="unaligned", device=torch.device(device))
    assert create_dataset(opt)._batches.pin_memory == pinned


class FaultyDataset(UnalignedDataset):
    def __getitem__(self, index: int) -> Sample:
        try:
            raise ValueError("the cause")
        except ValueError as cause:
            raise PictureError("2 faults:\n  a.png is cut short\nhint: mend both") from cause


@pytest.mark.parametrize("workers", [0, 1])
def test_a_message_from_a_worker_keeps_all_its_lines(root: Path, workers: int) -> None:
    loader = Loader(
        FaultyDataset(make_opt(root)), batch_size=2, num_workers=workers, shuffle=False, seed=7
    )
    with pytest.raises(ValueError) as caught:
        next(iter(loader))
    assert str(caught.value) == "2 faults:\n  a.png is cut short\nhint: mend both"


def test_useless_workers_are_not_started(root: Path) -> None:
    loader = create_dataset(make_opt(root, dataset_mode="unaligned", num_threads=64, batch_size=4))
    assert loader._batches.num_workers == 2


def test_draws_are_frozen() -> None:
    """Golden numbers: a change would alter every run that is resumed after an update."""
    assert seeded(1, 2, 3).random() == 0.7910137503955594
    order = EpochOrder(8, seed=1, shuffle=True)
    order.epoch = 2
    assert list(order) == [0, 5, 7, 2, 4, 3, 6, 1]


def test_a_key_that_the_dataset_does_not_give_is_named_with_those_that_it_gives(root: Path) -> None:
    batch, *_ = epochs(make_loader(root), 1)
    assert batch.get("mask") is None
    with pytest.raises(ValueError, match=r"reads 'mask' .* UnalignedDataset gives A, B, A_paths"):
        batch["mask"]  # type: ignore[typeddict-item]
