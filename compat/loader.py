"""The loader that a loop of the user gets: it counts the epochs by itself, as the original's."""

from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from data.base_dataset import Batch
from data.loader import Loader


class ScriptLoader:
    """Each iteration is an epoch with its own order and draws, unless ``set_epoch`` chooses it.

    A test reads the same images in each iteration. ``dataset``: the dataset; ``dataloader``: the
    ``Loader``.
    """

    def __init__(self, opt: Namespace, loader: Loader) -> None:
        self.opt, self.dataloader, self.dataset = opt, loader, loader.dataset
        self.dataset.packs_levels = False  # its user may read samples without the loader
        self.set_epoch(opt.epoch_count if opt.isTrain else 1)

    def load_data(self) -> "ScriptLoader":
        return self

    def set_epoch(self, epoch: int, start_image: int = 0) -> None:
        self.dataloader.set_epoch(epoch, start_image)
        self._next = epoch

    def __len__(self) -> int:
        return len(self.dataloader)

    def __iter__(self) -> Iterator[Batch]:
        if self.opt.isTrain:
            self.set_epoch(self._next)
            self._next += 1
        images, model = 0, getattr(self.opt, "_model", None)
        for batch in self.dataloader:
            if self.opt.isTrain:  # this process may have fewer images in the last step than others
                share = self.dataloader.share(images)
                images += share.images
                if model is not None:
                    model.replicas.weight = share.weight
            yield batch

    def __getattr__(self, name: str) -> Any:
        if name == "dataloader":
            raise AttributeError(name)
        return getattr(self.dataloader, name)
