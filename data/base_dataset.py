"""The contract of a dataset, and ``BaseDataset``, which does most of its work.

A dataset is one file, data/<name>_dataset.py, that defines one subclass of ``BaseDataset``. The
flag ``--dataset_mode <name>`` selects it. data/template_dataset.py is an example to copy.

Sample: the dict that ``dataset[index]`` returns.
    A, B              float32 [C, H, W] in -1..1. C is --input_nc for the input of the model and
                      --output_nc for its target; --direction BtoA makes B the input. B is left
                      out if there are no targets.
    A_paths, B_paths  str: the file that the image came from. Results are named after it.
    further keys      labels, masks, captions: tensors, numbers or strings for the model to read.
    Where a file has no value, A and B are NaN; ``BaseDataset.finish`` returns them so.
    Tensors of one key have the same shape in all samples, unless --batch_size is 1.

Randomness: every random number of a sample comes from ``self.random(index)``, seeded by (--seed,
    epoch, index), or from the global generators of torch, numpy and Python, which the loader seeds
    by the same three numbers. A sample then depends neither on workers nor on earlier samples, and
    a run can resume inside an epoch. Each worker process gets a copy of the dataset by pickling.

Batch: the dict that the loader makes of N samples, and that the model gets in ``set_input``.
    Tensors of all keys are stacked to [N, ...], numbers become a tensor [N], and strings a list
    (``default_collate``). Every tensor is then moved to the device. A and B of type uint8 become
    float32 in -1..1 there, if the dataset ``packs``. The last batch may be smaller. With
    --nan_value, it has ``A_missing`` and ``B_missing``, bool like A and B; A and B hold that value
    where they are True.
"""

from abc import ABC, abstractmethod
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import fields
from math import inf
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypedDict

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from compat.old_attributes import Assignable, attribute_of
from compat.transforms import get_params as get_params
from compat.transforms import get_transform as get_transform
from data.augment import Augmentation
from data.cache.scaled_pictures import ScaledPictures
from data.checking.usable import usable_rows
from data.discovery.image_folder import Order, find_images
from data.discovery.stacks import sources_of_files
from data.epoch_order import seeded
from data.files.raster import Pixels
from data.files.side import Side
from data.files.source import Source
from data.files.value_range import LEVELS, ValueRange
from data.missing import levels_of_missing
from data.resizing import image_size
from data.transforms import Draw, Recipe
from util.disk.file_names import natural_key


class Sample(TypedDict, total=False):
    A: Tensor
    B: Tensor
    A_paths: str
    B_paths: str


class Batch(TypedDict, total=False):
    A: Tensor
    B: Tensor
    A_missing: Tensor
    B_missing: Tensor
    A_paths: list[str]
    B_paths: list[str]


class BaseDataset(Dataset[Sample], ABC):
    """Subclasses define ``__init__`` (calling this one first), ``__len__`` and ``__getitem__``."""

    unused_flags: ClassVar[tuple[str, ...]] = ("pairs", "allow_unpaired")  # no effect: refused
    paired: ClassVar[bool] = False  # True: A and B show the same scene and may be compared
    # True: the ``__getitem__`` that this class defines may return uint8, which the loader converts.
    # A subclass with its own ``__getitem__`` does not inherit it.
    packs: ClassVar[bool] = False
    # True: the ``__getitem__`` of this class draws from ``self.random`` only. Else the loader seeds
    # the global generators for each sample. Not inherited by another ``__getitem__``.
    draws_itself: ClassVar[bool] = False

    def __init__(self, opt: Namespace) -> None:
        self.check_options(opt)
        self.opt = opt
        self.root: Path = opt.dataroot
        most = opt.max_dataset_size
        self.limit = None if most in (None, inf) else int(most)
        # A training keeps the order of earlier versions, so that runs can be resumed and repeated.
        self.order: Order = str if opt.isTrain else natural_key
        self.recipe = _recipe(opt)
        self.recipe.log_rounding()
        self.A, self.B = self._sides = _side(opt, "A"), _side(opt, "B")
        self.input_letter: Literal["A", "B"] = "A" if opt.direction == "AtoB" else "B"
        # Files of users may have attributes of these names; the loader reads those with "_".
        self.pictures = self._pictures = ScaledPictures(self.recipe)
        self.packs_levels = False  # set by the loader: ``pack`` may return uint8
        # In shared memory, because workers that stay alive must see the next epoch.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        self.initialize(opt)

    def initialize(self, opt: Namespace) -> None:
        """Do nothing; it is the constructor of dataset files from before 2019."""

    @staticmethod
    def modify_commandline_options(
        parser: ArgumentParser, is_train: bool
    ) -> ArgumentParser | None:
        """Add the flags of this dataset, or change the defaults of shared flags."""
        return parser

    @classmethod
    def check_options(cls, opt: Namespace) -> None:
        """Refuse flags that contradict each other. The parser calls this before it opens a file.

        Raises:
            ValueError: the message says what was found, what was wanted, and how to fix it.
        """
        _recipe(opt)
        own = ArgumentParser(add_help=False)
        cls.modify_commandline_options(own, opt.isTrain)
        for flag in {*cls.unused_flags} - {action.dest for action in own._actions}:
            if getattr(opt, flag):
                raise ValueError(f"--{flag} has no effect with --dataset_mode {opt.dataset_mode}: "
                                 "leave it out")

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> Sample: ...

    if not TYPE_CHECKING:  # it would hide errors
        def __getattr__(self, name: str) -> Any:
            return attribute_of(self, name)

    @Assignable
    def examples(self) -> dict[str, list[Source]]:
        """The images of each side, "A" and "B", for ``data.record``; may be empty."""
        return {}

    def levels_of_missing(self) -> dict[str, float]:
        """Return the value of --nan_value in -1..1, by side; {} without the flag."""
        return levels_of_missing(self._sides, self._pictures.planned)

    def set_epoch(self, epoch: int) -> None:
        self._epoch.fill_(epoch)

    def random(self, index: int) -> Random:
        """Return the generator of all random numbers of one sample."""
        return seeded(self.opt.seed, int(self._epoch), index)

    def draw(self, pixels: Pixels, rng: Random, source: Source) -> Draw:
        """Draw the crop, the flip and the augmentation of a scaled image of ``source``."""
        return self.recipe.draw(image_size(pixels), rng, source=source.path)

    def load(self, side: Side, source: Source, rng: Random, *, packed: bool = False) -> Tensor:
        """Read one image and transform it as the flags say: ``finish``, or ``pack`` if packed."""
        pixels = self.pictures.one(side, source)
        draw = self.draw(pixels, rng, source)
        return self.pack(side, pixels, draw) if packed else self.finish(side, pixels, draw)

    def pack(self, side: Side, pixels: Pixels, draw: Draw) -> Tensor:
        """Return the result of ``finish``, or uint8 levels 0..255 for the loader to convert.

        8-bit images that are only cropped and flipped stay uint8: a quarter of the bytes to copy.
        """
        plain = pixels.dtype == np.uint8 and side.range_of(pixels) == LEVELS
        if not (self.packs_levels and plain and draw.only_crops_and_flips):
            return self.finish(side, pixels, draw)
        return draw.window(pixels)

    def finish(self, side: Side, pixels: Pixels, draw: Draw) -> Tensor:
        """Apply a draw to scaled pixels [H, W, C] and return float32 [C, H, W] in -1..1.

        Both images of a pair take the same draw. --colour_jitter changes the model's input only.
        """
        image = side.to_tensor(draw(pixels, nearest=side.labels))
        if side.letter == self.input_letter:
            image = draw.augment.jitter(image)
        return draw.augment.cut_out(image)

    def find(self, side: Side, phase: str, letter: str = "") -> list[Source]:
        """Return the images of ``<dataroot>/<phase><letter>`` that can be used for ``side``.

        There are at most --max_dataset_size. --input_suffixes stacks the files of the input side.
        """
        limit = self.limit
        suffixes = self.opt.input_suffixes if side.letter == self.input_letter else ()
        files = find_images(self.root, phase, side=letter, limit=None if suffixes else limit,
                            order=self.order)
        sources = sources_of_files(files, suffixes, limit=limit, order=self.order)
        return [source for source, in self.usable([side], [(source,) for source in sources])]

    def usable(
        self, sides: Sequence[Side], rows: Sequence[tuple[Source, ...]]
    ) -> list[tuple[Source, ...]]:
        """Return the rows that can be used, such as pairs (A, B); see ``usable_rows``."""
        usable = usable_rows(sides, rows, recipe=self.recipe,
                             skip_bad=self.opt.on_bad_image == "skip", decode_some=self.opt.isTrain)
        self.pictures.plan(sides, usable)
        return usable


def sides_of(dataset: BaseDataset) -> tuple[Side, Side]:
    """Return how the files of A and of B are read."""
    return dataset._sides


def examples_of(dataset: BaseDataset) -> dict[str, list[Source]]:
    """Return ``dataset.examples``, or {} if its file uses the name for something else."""
    found: Any = dataset.examples
    return found if isinstance(found, dict) else {}


def _side(opt: Namespace, letter: Literal["A", "B"]) -> Side:
    is_input = (letter == "A") == (opt.direction == "AtoB")
    limits = getattr(opt, f"value_range_{letter}")
    flag = "input_nc" if is_input else "output_nc"
    return Side(letter, channels=getattr(opt, flag), channels_flag=f"--{flag}" * opt.isTrain,
                value_range=ValueRange(*limits) if limits else None, labels=letter in opt.nearest,
                nan_value=opt.nan_value[letter == "B"] if opt.nan_value else None)


def _recipe(opt: Namespace) -> Recipe:
    flags = [field.name for field in fields(Augmentation)] if opt.isTrain else []
    augmentation = Augmentation(**{name: getattr(opt, name) for name in flags})
    return Recipe(opt.preprocess, opt.load_size, opt.crop_size, flip=not opt.no_flip,
                  augmentation=augmentation, resizer=opt.resize)
