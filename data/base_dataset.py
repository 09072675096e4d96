"""The contract every dataset keeps, and what most of them share."""

from abc import ABC, abstractmethod
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from random import Random
from typing import ClassVar, Literal, TypedDict

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from data.augment import Augmentation
from data.cache.scaled_pictures import ScaledPictures
from data.checking.sample_check import look_at_some
from data.checking.unreadable import find_unreadable
from data.discovery.image_folder import find_images
from data.discovery.stacks import sources_of_files
from data.files.raster import Pixels
from data.files.side import Side
from data.files.source import Source
from data.files.value_range import LEVELS, ValueRange
from data.resizing import image_size
from data.transforms import Draw, Recipe


class Sample(TypedDict, total=False):
    """Inside a loader A and B may be levels too, uint8 0..255; it makes float32 of them."""

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

    # Flags that do nothing in this mode, and so are refused.
    unused_flags: ClassVar[tuple[str, ...]] = ("pairs", "allow_unpaired")
    # Whether A and B of a sample show the same thing, so that they may be compared.
    paired: ClassVar[bool] = False

    def __init__(self, opt: Namespace) -> None:
        self.check_options(opt)
        self.opt = opt
        self.root: Path = opt.dataroot
        self.recipe = _recipe(opt)
        self.recipe.announce()
        self.A, self.B = _sides(opt)
        self.input_letter: Literal["A", "B"] = "A" if opt.direction == "AtoB" else "B"
        self.pictures = ScaledPictures(self.recipe)
        # Set by the loader: ``pack`` may leave levels as they are.
        self.packs_levels = False
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
        for flag in cls.unused_flags:
            if getattr(opt, flag):
                raise ValueError(
                    f"--{flag} says nothing to --dataset_mode {opt.dataset_mode}: leave it out"
                )
        if opt.input_suffixes and len(opt.input_suffixes) != opt.input_nc:
            raise ValueError(
                f"--input_suffixes {','.join(opt.input_suffixes)} stacks "
                f"{len(opt.input_suffixes)} files of one channel each, but --input_nc is "
                f"{opt.input_nc}; give --input_nc {len(opt.input_suffixes)}"
            )

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> Sample: ...

    @property
    def examples(self) -> dict[str, list[Source]]:
        """The images of each side, A and B, as far as the data set knows them."""
        return {}

    def set_epoch(self, epoch: int) -> None:
        self._epoch.fill_(epoch)

    def random(self, index: int) -> Random:
        """The source of all draws of one sample: a function of (--seed, epoch, index)."""
        return seeded(self.opt.seed, int(self._epoch), index)

    def load(self, side: Side, source: Source, rng: Random) -> Tensor:
        """Read one image and change it as the flags say. float32 [C, H, W]."""
        pixels, draw = self._drawn(side, source, rng)
        return self.finish(side, pixels, draw)

    def load_packed(self, side: Side, source: Source, rng: Random) -> Tensor:
        """``load``, packed for the way to the device: see ``pack``."""
        pixels, draw = self._drawn(side, source, rng)
        return self.pack(side, pixels, draw)

    def _drawn(self, side: Side, source: Source, rng: Random) -> tuple[Pixels, Draw]:
        pixels = self.pictures.one(side, source)
        return pixels, self.recipe.draw_scaled(image_size(pixels), rng, source=source.path)

    def pack(self, side: Side, pixels: Pixels, draw: Draw) -> Tensor:
        """``finish``; but inside a loader 8-bit images that need no more than a crop and a flip
        stay uint8 0..255, a quarter of the bytes: the device makes floats of them.
        """
        plain = pixels.dtype == np.uint8 and side.range_of(pixels) == LEVELS
        if not (self.packs_levels and plain and draw.only_crops_and_flips):
            return self.finish(side, pixels, draw)
        return draw.window(pixels)

    def finish(self, side: Side, pixels: Pixels, draw: Draw) -> Tensor:
        """What ``side.read`` gave -> float32 [C, H, W]. One draw for both images of a pair.

        Of the model's input the colours change too, with --colour_jitter.
        """
        picture = side.to_tensor(draw(pixels, nearest=side.labels))
        if side.letter == self.input_letter:
            picture = draw.augment.jitter(picture)
        return draw.augment.cut_out(picture)

    def find(self, side: Side, phase: str, letter: str = "") -> list[Source]:
        """The images of ``<dataroot>/<phase><letter>`` that can be used for ``side``.

        At most --max_dataset_size. Of the model's input, --input_suffixes makes stacks of files.
        """
        limit = self.opt.max_dataset_size
        suffixes = self.opt.input_suffixes if side.letter == self.input_letter else ()
        files = find_images(self.root, phase, side=letter, limit=None if suffixes else limit)
        return self.usable(side, sources_of_files(files, suffixes, limit=limit))

    def usable(self, side: Side, sources: Sequence[Source]) -> list[Source]:
        """``sources`` whose images can be used, in their order; see ``usable_pairs``."""
        return [source for source, in self._usable([side], [(source,) for source in sources])]

    def usable_pairs(
        self, pairs: Sequence[tuple[Source, Source]]
    ) -> list[tuple[Source, Source]]:
        """The pairs of A and B of which both can be used, in their order.

        With ``--on_bad_image skip`` every file is read once, and what cannot be read is left out
        and named. Otherwise files are read when their turn comes, and a bad one stops the program.

        Raises:
            ValueError: not one is left, or images are smaller than the crop.
        """
        return [(A, B) for A, B in self._usable([self.A, self.B], pairs)]

    def _usable(
        self, sides: Sequence[Side], rows: Sequence[tuple[Source, ...]]
    ) -> list[tuple[Source, ...]]:
        if self.opt.on_bad_image == "skip":
            bad = find_unreadable(sides, rows)
            rows = [row for index, row in enumerate(rows) if index not in bad]
        self._check_sizes([source for row in rows for source in row])
        if self.opt.isTrain:
            look_at_some(sides, rows)
        self.pictures.plan(sides, rows)
        return list(rows)

    def _check_sizes(self, sources: Sequence[Source]) -> None:
        """Reads headers only (about 0.1 ms a file), and only for ``--preprocess crop``: the other
        modes scale the image first.
        """
        if self.recipe.preprocess != "crop":
            return
        sizes = ((source, source.read_size()) for source in sources)
        small = [(source, size) for source, size in sizes if not self.recipe.fits(size)]
        if small:
            source, (width, height) = small[0]
            raise ValueError(
                f"{len(small)} of {len(sources)} images are too small for --crop_size "
                f"{self.recipe.crop_size} (pixels), the first is {source}: {width} x {height}; "
                "lower --crop_size, or use --preprocess resize_and_crop, or remove them"
            )


def _sides(opt: Namespace) -> tuple[Side, Side]:
    """A and B. The model's input is A, or B with ``--direction BtoA``."""
    channels = (opt.input_nc, opt.output_nc)[:: 1 if opt.direction == "AtoB" else -1]
    ranges = [ValueRange(*limits) if limits else None
              for limits in (opt.value_range_A, opt.value_range_B)]
    return (
        Side("A", channels[0], ranges[0], labels="A" in opt.nearest),
        Side("B", channels[1], ranges[1], labels="B" in opt.nearest),
    )


def _recipe(opt: Namespace) -> Recipe:
    return Recipe(
        preprocess=opt.preprocess,
        load_size=opt.load_size,
        crop_size=opt.crop_size,
        flip=not opt.no_flip,
        augmentation=_augmentation(opt) if opt.isTrain else Augmentation(),
        resizer=opt.resize,
    )


def _augmentation(opt: Namespace) -> Augmentation:
    """Its fields are called like the flags."""
    return Augmentation(**{field.name: getattr(opt, field.name) for field in fields(Augmentation)})
