"""Batches of one epoch after another, in an order that (seed, epoch) alone decides."""

import re
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler

from data.base_dataset import BaseDataset, Batch, seeded


class EpochOrder(Sampler[int]):
    """A new permutation per epoch, or 0, 1, 2, ... without ``shuffle``; may start inside."""

    def __init__(self, count: int, *, seed: int, shuffle: bool) -> None:
        self.count = count
        self.seed = seed
        self.shuffle = shuffle
        self.epoch = 0
        self.start = 0

    def __len__(self) -> int:
        return self.count - self.start

    def __iter__(self) -> Iterator[int]:
        order = list(range(self.count))
        if self.shuffle:
            seeded(self.seed, self.epoch).shuffle(order)
        return iter(order[self.start :])


class Loader:
    """Iterate over it for one epoch's ``Batch``es; ``len`` is the number of images in an epoch.

    The last batch may be short. Call ``set_epoch`` before each epoch. Iterating leaves torch's
    global random state alone, so a resumed run meets the same dropout as one that never stopped.
    """

    def __init__(
        self,
        dataset: BaseDataset,
        *,
        batch_size: int,
        num_workers: int,
        shuffle: bool,
        seed: int,
        pin_memory: bool = False,
        start_method: str | None = None,
    ) -> None:
        """``start_method``: fork, spawn or forkserver for the workers; None: the platform's."""
        if len(dataset) == 0:
            raise ValueError(f"{type(dataset).__name__} found no samples under {dataset.root}")
        self.dataset = dataset
        self._order = EpochOrder(len(dataset), seed=seed, shuffle=shuffle)
        batches = -(-len(dataset) // batch_size)
        workers = min(num_workers, batches)  # more would never get a batch to make
        self._batches = DataLoader(
            dataset,
            batch_size=batch_size,
            sampler=self._order,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=pin_memory,
            multiprocessing_context=start_method if workers else None,
            # DataLoader draws a number per epoch; by default from torch's global generator.
            generator=torch.Generator().manual_seed(seed),
        )

    def __len__(self) -> int:
        return len(self.dataset)

    def __iter__(self) -> Iterator[Batch]:
        try:
            yield from self._batches
        except (ValueError, FileNotFoundError) as error:
            raise _plain(error) from error

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


def _plain(error: Exception) -> Exception:
    """The sentence of an error in a worker, without the traceback that torch puts before it."""
    text = str(error)
    caught = re.match(r"Caught (\w+) in ", text)
    if not caught:
        return error
    # The last line that begins with the error's name, and all that follows: a message may be long.
    *_, message = re.split(rf"^(?:\w+\.)*{caught[1]}: ", text, flags=re.MULTILINE)
    return ValueError(message.rstrip())


def batch_length(batch: Batch) -> int:
    """Samples in the batch; every entry, tensor or list, has one item for each."""
    entry: Any = next(iter(batch.values()))
    return len(entry)
