"""Samples of a dataset class that may draw from the global random generators, and may fail.

Its draws depend on (seed, epoch, index), and its errors name the line of its file.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import getsourcefile

import numpy as np
import torch
from torch.utils.data import Dataset

from data.base_dataset import BaseDataset, Sample
from data.files.reading import PictureError
from util.packages import MissingPackageError
from util.registry import place_of, raised_here


def is_foreign(cls: type[BaseDataset]) -> bool:
    """Return whether the ``__getitem__`` of a dataset may use the global random generators."""
    return not own_getitem(cls).get("draws_itself")


def own_getitem(cls: type[BaseDataset]) -> dict[str, object]:
    """Return the attributes of the class that defines ``__getitem__``."""
    return dict(vars(next(parent for parent in cls.__mro__ if "__getitem__" in vars(parent))))


class ForeignSamples(Dataset[Sample]):
    """The samples of a dataset, each with global generators of its own seeds."""

    def __init__(self, dataset: BaseDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        with _seeded(self.dataset, index), naming_line(type(self.dataset)):
            return self.dataset[index]


@contextmanager
def _seeded(dataset: BaseDataset, index: int) -> Iterator[None]:
    """Seed the global generators for one sample, and restore their states after it."""
    states = random.getstate(), np.random.get_state(), torch.default_generator.get_state()
    rng = BaseDataset.random(dataset, index)
    random.seed(rng.getrandbits(64))
    np.random.seed(rng.getrandbits(32))
    torch.default_generator.manual_seed(rng.getrandbits(63))
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.default_generator.set_state(states[2])


@contextmanager
def naming_line(cls: type) -> Iterator[None]:
    """Turn an exception of the code of ``cls`` into a sentence with the file and the line.

    ValueError and OSError that the project itself raises are complete, and pass unchanged.

    Raises:
        PictureError: a file cannot be read. ValueError: any other error.
    """
    if not is_foreign(cls):
        yield
        return
    try:
        yield
    except (PictureError, MissingPackageError, MemoryError):
        raise
    except Exception as error:
        own = cls.__mro__[: cls.__mro__.index(BaseDataset)]
        place = place_of(error, {getsourcefile(parent) for parent in own})
        if not place or (isinstance(error, ValueError | OSError) and raised_here(error, place)):
            raise
        kind = PictureError if isinstance(error, OSError) else ValueError
        reason = f"{type(error).__name__}: {error}".strip(": ").partition("\n")[0]
        fix = "replace the file that it reads, or correct the code" * (kind is PictureError)
        raise kind(f"{place}: {reason}; {fix or 'correct the file'}") from error
