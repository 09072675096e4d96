"""Batches of one epoch after another, in an order that depends on (seed, epoch) alone."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Literal, NoReturn, cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader, default_collate

from data.base_dataset import BaseDataset, Batch, Sample
from data.checking.readable_samples import ReadableSamples
from data.epoch_order import EpochOrder, Share
from data.files.reading import PictureError
from data.foreign_samples import ForeignSamples, is_foreign, own_getitem
from data.workers import leave_process_group, loading_advice
from data.workers.watch import WorkerWatch
from util.pixel_values import levels_to_float
from util.threads import read_ahead

_SIDES: tuple[Literal["A", "B"], ...] = ("A", "B")


class Loader:
    """An iterable over the batches of one epoch; ``len`` is the number of images in an epoch.

    data/base_dataset.py describes a ``Batch``. Its tensors are on the device: they are copied
    without waiting, and uint8 images become floats there. Several processes share the images of an
    epoch; ``len`` counts those of all processes. ``whole_batches``: see ``EpochOrder``.

    Call ``set_epoch`` before each epoch. Iterating does not change torch's global random state, so
    a resumed run has the same dropout as an uninterrupted one.

    Args:
        device: device of the batches, the CPU by default.
        start_method: fork, spawn or forkserver for the workers; None: the platform's default.
        replace_bad: if an image has become unreadable, log it and use the next one of the set.
    """

    def __init__(
        self, dataset: BaseDataset, *, batch_size: int, num_workers: int, shuffle: bool, seed: int,
        device: torch.device | None = None, start_method: str | None = None, rank: int = 0,
        world_size: int = 1, replace_bad: bool = False, whole_batches: bool = False
    ) -> None:
        if len(dataset) == 0:
            raise ValueError(f"{type(dataset).__name__} found no samples under {dataset.root}")
        self.dataset = dataset
        self.device = device or torch.device("cpu")
        dataset.packs_levels = _may_pack(type(dataset))
        self._order = EpochOrder(len(dataset), seed=seed, shuffle=shuffle, batch_size=batch_size,
                                 rank=rank, world_size=world_size, whole_batches=whole_batches)
        batches = -(-len(dataset) // self._order.step_images)
        self._watch = WorkerWatch()
        self.workers = workers = min(num_workers, batches)  # others would have no batch
        cached = dataset._pictures.has_cache
        self.loading_advice = loading_advice(cached=cached, workers=workers)
        self._levels_of_missing = dataset.levels_of_missing()
        self._may_pack = dataset.packs_levels
        self.filling_images = len(dataset) if cached else 0  # until the cache is full
        samples = ForeignSamples(dataset) if is_foreign(type(dataset)) else dataset
        self._batches = DataLoader(
            ReadableSamples(samples) if replace_bad else samples, batch_size=batch_size,
            sampler=self._order, collate_fn=collate,
            num_workers=workers, persistent_workers=workers > 0,
            pin_memory=self.device.type == "cuda",
            multiprocessing_context=start_method if workers else None,
            worker_init_fn=leave_process_group,
            # DataLoader draws a number per epoch, by default from torch's global generator.
            generator=torch.Generator().manual_seed(seed),
        )

    def __len__(self) -> int:
        return len(self.dataset)

    def __iter__(self) -> Iterator[Batch]:
        batches = self._watch.iterate(self._batches) if self.workers else self._batches
        try:
            for batch in batches:
                yield self._on_device(batch)
        except (ValueError, FileNotFoundError) as error:
            raise _without_traceback(error) from error

    def close(self) -> None:
        """End the workers at once. A stopped one would otherwise stay."""
        self._watch.end()

    def first(self, count: int) -> Iterator[Batch]:
        """Return the first ``count`` batches; without workers, a thread reads one ahead.

        The dataset must not use torch's global random state, because the caller may be using it.
        """
        batches = iter(self)
        if self.workers:
            return islice(batches, count)
        return read_ahead(lambda _: next(batches), range(min(count, len(self._batches))))

    def share(self, first: int) -> Share:
        """Return the number of images in the step after ``first`` images of the epoch."""
        return self._order.share(first)

    def _on_device(self, batch: Batch) -> Batch:
        moved: Any = _NamedBatch({
            key: value.to(self.device, non_blocking=True) if isinstance(value, Tensor) else value
            for key, value in batch.items()
        })
        moved.source = type(self.dataset).__name__
        for side in _SIDES:
            if self._may_pack and side in moved and moved[side].dtype == torch.uint8:
                moved[side] = levels_to_float(moved[side])
        for letter, level in self._levels_of_missing.items():
            if letter in moved:
                missing = moved[f"{letter}_missing"] = moved[letter].isnan()
                moved[letter] = moved[letter].masked_fill(missing, level)
        return cast(Batch, moved)

    def set_epoch(self, epoch: int, start_image: int = 0) -> None:
        """Select the order and the random numbers of an epoch; skip ``start_image`` images.

        Raises:
            ValueError: the epoch has fewer images than ``start_image``.
        """
        if not 0 <= start_image <= len(self):
            raise ValueError(f"cannot start epoch {epoch} after {start_image} images: the set has "
                             f"{len(self)}; was it changed after the run was saved? Restore it, or "
                             "start a new epoch")
        self.dataset.set_epoch(epoch)
        self._order.epoch = epoch
        self._order.start = start_image


class _NamedBatch(dict[str, Any]):
    """A batch that explains which keys it has, if a model reads another one."""

    source = ""

    def __missing__(self, key: str) -> NoReturn:
        raise ValueError(f"the model reads {key!r} from the batch, but {self.source} gives "
                         f"{', '.join(self)}; return that key in its __getitem__, or choose the "
                         "--dataset_mode that has it")


def collate(samples: list[Sample]) -> Batch:
    """Apply ``default_collate``; if some images of a side are levels, make all of them floats."""
    for side in _SIDES:
        dtypes = {sample[side].dtype for sample in samples if isinstance(sample.get(side), Tensor)}
        if len(dtypes) > 1:
            for sample in samples:
                if sample[side].dtype == torch.uint8:
                    sample[side] = levels_to_float(sample[side])
    try:
        batch: Batch = default_collate(samples)
    except (TypeError, RuntimeError, KeyError) as error:
        raise _cannot_join(samples, error) from error
    return batch


def _cannot_join(samples: list[Any], error: Exception) -> ValueError:
    """Return the error that names the key whose values cannot be joined to a batch."""
    for key in samples[0] if isinstance(samples[0], dict) else ():
        try:
            default_collate([sample[key] for sample in samples])
        except (TypeError, RuntimeError, KeyError) as fault:
            return ValueError(f"the values of {key!r} cannot be joined to a batch ({fault}); "
                              "return tensors of one shape, numbers or texts, or --batch_size 1")
    return ValueError(f"the samples cannot be joined to a batch ({error}); __getitem__ must return "
                      "a dict with equal keys")


def _without_traceback(error: Exception) -> Exception:
    """Return the message of an error in a worker; torch puts a traceback before it."""
    text = str(error)
    caught = re.match(r"Caught (\w+) in ", text)
    if not caught:
        return error
    # The message begins at the last line that starts with the error's name.
    *_, message = re.split(rf"^(?:\w+\.)*{caught[1]}: ", text, flags=re.MULTILINE)
    kind = PictureError if caught[1] == PictureError.__name__ else ValueError
    return kind(message.rstrip())


def _may_pack(cls: type[BaseDataset]) -> bool:
    """Return whether the class that defines ``__getitem__`` declares ``packs`` itself.

    A subclass that changes samples expects float32, whatever its parent declares.
    """
    return bool(own_getitem(cls).get("packs"))
