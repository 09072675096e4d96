"""The contract every dataset keeps, and what most of them share."""

from abc import ABC, abstractmethod
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import ClassVar, TypedDict

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from data.transforms import Recipe, Size, to_channels
from util.picture_files import read_picture, read_size


class Sample(TypedDict, total=False):
    A: Tensor  # float32 [C, H, W] in -1..1
    B: Tensor  # float32 [C, H, W] in -1..1
    A_paths: str
    B_paths: str


class Batch(TypedDict, total=False):
    A: Tensor  # float32 [N, C, H, W] in -1..1
    B: Tensor  # float32 [N, C, H, W] in -1..1
    A_paths: list[str]
    B_paths: list[str]


def seeded(*key: int) -> Random:
    """A generator that depends on ``key`` alone.

    Text is seeded through SHA-512: the same in every process, unlike ``hash``, and neighbouring
    keys give unrelated draws, unlike sums.
    """
    return Random("/".join(map(str, key)))


class BaseDataset(Dataset[Sample], ABC):
    """Subclasses write ``__init__`` (call this one first), ``__len__`` and ``__getitem__``.

    Every random draw of a sample must come from ``self.random(index)``. Samples then depend on
    (seed, epoch, index) alone, not on workers. Objects must survive pickling, for the workers.
    """

    # The flags that count channels of pictures, and so must be 1 or 3.
    picture_flags: ClassVar[tuple[str, ...]] = ("input_nc", "output_nc")

    def __init__(self, opt: Namespace) -> None:
        self.check_options(opt)
        self.opt = opt
        self.root: Path = opt.dataroot
        self.recipe = _recipe(opt)
        self.recipe.announce()
        # Shared memory: workers that stay alive between epochs must see the next epoch.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    @staticmethod
    def modify_commandline_options(parser: ArgumentParser, is_train: bool) -> None:
        """Add this dataset's flags, or change defaults of shared ones."""

    @classmethod
    def check_options(cls, opt: Namespace) -> None:
        """Refuse flags that contradict each other; the parser calls this before a file is opened.

        Raises:
            ValueError: what was found, what was wanted, the way out.
        """
        _recipe(opt)
        for flag in cls.picture_flags:
            if getattr(opt, flag) not in (1, 3):
                raise ValueError(
                    f"--{flag} is {getattr(opt, flag)}, but this dataset mode reads pictures with "
                    f"1 (grey) or 3 (RGB) channels; use --{flag} 1 or --{flag} 3"
                )

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> Sample: ...

    def set_epoch(self, epoch: int) -> None:
        self._epoch.fill_(epoch)

    def random(self, index: int) -> Random:
        """The source of all draws of one sample: a function of (--seed, epoch, index)."""
        return seeded(self.opt.seed, int(self._epoch), index)

    def load_picture(self, path: Path, channels: int, rng: Random) -> Image.Image:
        """Read, make grey if ``channels`` is 1, then resize, crop and flip as the flags say."""
        picture = to_channels(read_picture(path), channels)
        return self.recipe.draw(picture.size, rng, source=path)(picture)

    def check_sizes(self, paths: Sequence[Path], *, pictures_wide: int = 1) -> None:
        """Refuse files too small for their crop, before training.

        Reads headers only (about 0.1 ms a file), and only for ``--preprocess crop``: the
        other modes scale the picture first. Files hold ``pictures_wide`` pictures side by side.
        """
        if self.recipe.preprocess != "crop":
            return
        sizes = ((path, read_size(path)) for path in paths)
        small: list[tuple[Path, Size]] = [
            (path, (width, height))
            for path, (width, height) in sizes
            if not self.recipe.fits((width // pictures_wide, height))
        ]
        if small:
            path, (width, height) = small[0]
            raise ValueError(
                f"{len(small)} of {len(paths)} files are too small for --crop_size "
                f"{self.recipe.crop_size} (pixels), the first is {path}: {width} x {height}"
                + (f", holding {pictures_wide} pictures side by side" if pictures_wide > 1 else "")
                + "; lower --crop_size, or use --preprocess resize_and_crop, or remove them"
            )


def picture_channels(opt: Namespace) -> tuple[int, int]:
    """Channels of A and B. The model's input is A, or B with ``--direction BtoA``."""
    if opt.direction == "BtoA":
        return opt.output_nc, opt.input_nc
    return opt.input_nc, opt.output_nc


def _recipe(opt: Namespace) -> Recipe:
    return Recipe(
        preprocess=opt.preprocess,
        load_size=opt.load_size,
        crop_size=opt.crop_size,
        flip=not opt.no_flip,
    )
