"""Pairs A and B: side by side in one file, in two folders, or in a list."""

import logging
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from data.base_dataset import BaseDataset, Sample
from data.discovery.pairs import find_pairs, pairs_summary
from data.files.image_io import read_size
from data.files.pillow_files import PictureError
from data.files.raster import Pixels
from data.files.source import Pair, Source
from data.resizing import image_size

log = logging.getLogger(__name__)


class AlignedDataset(BaseDataset):
    """A and B share the crop, the flip and the augmentation, so they stay aligned."""

    unused_flags = ()
    paired = True
    packs = draws_itself = True

    def __init__(self, opt: Namespace) -> None:
        super().__init__(opt)
        found = find_pairs(opt.dataroot, opt.phase, list_file=opt.pairs,
                           allow_unpaired=opt.allow_unpaired, input_side=self.input_letter,
                           input_suffixes=opt.input_suffixes, limit=self.limit,
                           order=self.order)
        rows = self.usable((self.A, self.B), [(pair.A, pair.B) for pair in found.pairs])
        self.pairs = [Pair(A, B) for A, B in rows]
        size_of_A, size_of_B = (partial(read_size, wanted=[side.channels])
                                for side in (self.A, self.B))
        log.info("%s", pairs_summary(replace(found, pairs=self.pairs), size_of_A, size_of_B))
        self._warn_about_single_images(size_of_A)

    def _warn_about_single_images(self, size_of: Callable[[Path], tuple[int, int]]) -> None:
        """Warn if most of 50 files are narrower than 4:3, the least for two usual images."""
        sizes = [size_of(pair.A.path) for pair in self.pairs[:50] if pair.A.half]
        narrow = [(width, height) for width, height in sizes if 3 * width < 4 * height]
        if narrow and 2 * len(narrow) > len(sizes):
            width, height = narrow[0]
            log.warning("%d of the first %d files are about as high as wide (%d x %d), like single "
                        "images; each is cut into A, %d x %d, and B. For photos without partners: "
                        "--model colorization learns to colour them, --model cycle_gan needs a "
                        "second set, in %sA and %sB", len(narrow), len(sizes), width, height,
                        width // 2, height, self.opt.phase, self.opt.phase)

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def examples(self) -> dict[str, list[Source]]:
        return {"A": [pair.A for pair in self.pairs], "B": [pair.B for pair in self.pairs]}

    def __getitem__(self, index: int) -> Sample:
        pair = self.pairs[index]
        A, B = self.pictures.row((self.A, self.B), (pair.A, pair.B),
                                 check=partial(self._require_one_size, index))
        draw = self.draw(A, self.random(index), pair.A)
        return {"A": self.pack(self.A, A, draw), "B": self.pack(self.B, B, draw),
                "A_paths": str(pair.A.path), "B_paths": str(pair.B.path)}

    def _require_one_size(self, index: int, A: Pixels, B: Pixels) -> None:
        """Refuse pairs of two sizes that are cropped without being scaled."""
        (width_A, height_A), (width_B, height_B) = image_size(A), image_size(B)
        # The right half of a file of odd width is one pixel wider.
        apart = abs(width_A - width_B) > 1 or height_A != height_B
        if apart and self.recipe.preprocess in ("crop", "none"):
            pair = self.pairs[index]
            raise PictureError(f"{pair.A} is {width_A} x {height_A}, its partner {pair.B} is "
                               f"{width_B} x {height_B}; --preprocess {self.recipe.preprocess} "
                               "needs pairs of one size, --preprocess resize_and_crop scales both")
