"""Batches of one epoch after another, in an order that (seed, epoch) alone decides."""

import os
import re
from collections.abc import Iterator
from itertools import islice
from typing import Literal

import torch
from torch import Tensor
from torch.utils.data import DataLoader, default_collate

from data.base_dataset import BaseDataset, Batch, Sample
from data.epoch_order import EpochOrder, Share
from util.pixel_values import levels_to_float
from util.runtime import count_cores
from util.threads import read_ahead

_SIDES: tuple[Literal["A", "B"], ...] = ("A", "B")


class Loader:
    """Iterate over it for one epoch's ``Batch``es; ``len`` is the number of images in an epoch.

    Of several processes, each gets its share; ``len`` is that of all.

    A and B lie on the device already: the workers hand on bytes, which are copied there without
    waiting and become floats there.

    The last batch may be short. Call ``set_epoch`` before each epoch. Iterating leaves torch's
    global random state alone, so a resumed run meets the same dropout as one that never stopped.

    Args:
        device: of the batches, the CPU by default.
        start_method: fork, spawn or forkserver for the workers; None: the platform's.
    """

    def __init__(
        self,
        dataset: BaseDataset,
        *,
        batch_size: int,
        num_workers: int,
        shuffle: bool,
        seed: int,
        device: torch.device | None = None,
        start_method: str | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if len(dataset) == 0:
            raise ValueError(f"{type(dataset).__name__} found no samples under {dataset.root}")
        self.dataset = dataset
        self.device = device or torch.device("cpu")
        dataset.packs_levels = True
        self._order = EpochOrder(
            len(dataset), seed=seed, shuffle=shuffle, batch_size=batch_size, rank=rank,
            world_size=world_size,
        )
        batches = -(-len(dataset) // self._order.step_images)
        workers = min(num_workers, batches)  # more would never get a batch to make
        self.workers = workers
        cached = dataset.pictures.has_cache
        self.loading_advice = loading_advice(cached=cached, workers=workers)
        self.filling_images = len(dataset) if cached else 0  # after which all is in the cache
        self._batches = DataLoader(
            dataset,
            batch_size=batch_size,
            sampler=self._order,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=self.device.type == "cuda",
            collate_fn=collate,
            multiprocessing_context=start_method if workers else None,
            worker_init_fn=_leave_group,
            # DataLoader draws a number per epoch; by default from torch's global generator.
            generator=torch.Generator().manual_seed(seed),
        )

    def __len__(self) -> int:
        return len(self.dataset)

    def __iter__(self) -> Iterator[Batch]:
        try:
            for batch in self._batches:
                yield self._on_device(batch)
        except (ValueError, FileNotFoundError) as error:
            raise _plain(error) from error

    def first(self, count: int) -> Iterator[Batch]:
        """The first ``count`` batches; where no workers read them, a thread reads one ahead.

        The dataset must leave torch's global random state alone, which the caller may be using.
        """
        rest = iter(self)
        if self.workers:
            return islice(rest, count)
        return read_ahead(lambda _: next(rest), range(min(count, len(self._batches))))

    def share(self, first: int) -> Share:
        """How many images the step after ``first`` images of the epoch has."""
        return self._order.share(first)

    def _on_device(self, batch: Batch) -> Batch:
        for side in _SIDES:
            if isinstance(batch.get(side), Tensor):
                there = batch[side].to(self.device, non_blocking=True)
                batch[side] = levels_to_float(there) if there.dtype == torch.uint8 else there
        return batch

    def set_epoch(self, epoch: int, start_image: int = 0) -> None:
        """Choose the epoch's order and draws; skip its first ``start_image`` images.

        Raises:
            ValueError: the epoch has fewer images than ``start_image``.
        """
        if not 0 <= start_image <= len(self):
            raise ValueError(
                f"cannot start epoch {epoch} after {start_image} images: the set has {len(self)}; "
                "was it changed since the run was saved? Restore it, or start a new epoch"
            )
        self.dataset.set_epoch(epoch)
        self._order.epoch = epoch
        self._order.start = start_image


def collate(samples: list[Sample]) -> Batch:
    """torch's, but never of levels and floats: where a side has both, all become floats."""
    for side in _SIDES:
        pictures = [sample[side] for sample in samples if isinstance(sample.get(side), Tensor)]
        if len({picture.dtype for picture in pictures}) > 1:
            for sample in samples:
                if sample[side].dtype == torch.uint8:
                    sample[side] = levels_to_float(sample[side])
    batch: Batch = default_collate(samples)
    return batch


def _plain(error: Exception) -> Exception:
    """The sentence of an error in a worker, without the traceback that torch puts before it."""
    text = str(error)
    caught = re.match(r"Caught (\w+) in ", text)
    if not caught:
        return error
    # The last line that begins with the error's name, and all that follows: a message may be long.
    *_, message = re.split(rf"^(?:\w+\.)*{caught[1]}: ", text, flags=re.MULTILINE)
    return ValueError(message.rstrip())


def _leave_group(worker: int) -> None:
    """A signal to the whole group of processes is meant for the training, which then saves."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()


def choose_workers(*, device: str, cached: bool, cores: int | None = None) -> int:
    """One core is left to the training itself.

    On a CPU a cached image costs less than what the training's threads lose by a worker beside
    them. On a GPU the training only starts kernels, and workers keep it from doing anything else.
    """
    cores = own_cores() if cores is None else cores
    if device == "cpu" and cached:
        return 0
    most = 4 if cached or device == "cpu" else 8
    return max(0, min(most, cores - 1))


def loading_advice(*, cached: bool, workers: int) -> str:
    """Which flag to change where steps wait for images."""
    if not cached:
        return "--cache ram or --cache disk decodes each of them once only"
    if workers < own_cores():
        return f"give more than --num_threads {workers}"
    return f"--num_threads {workers} are as many as there are cores; lower --load_size"


def own_cores() -> int:
    """Of the cores that there are, this training's share; torchrun may have started several."""
    return count_cores() // max(1, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
