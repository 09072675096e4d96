"""Pairs: side by side in one file, or in two folders, or in a list."""

import logging
from argparse import Namespace
from dataclasses import replace
from functools import partial

from data.base_dataset import BaseDataset, Sample
from data.discovery.pairs import find_pairs, pairs_summary
from data.files.image_io import read_size
from data.files.pillow_files import PictureError
from data.files.raster import Pixels
from data.files.source import Pair, Source
from data.resizing import image_size

log = logging.getLogger(__name__)


class AlignedDataset(BaseDataset):
    """A and B share one draw of crop, flip and turns, so they stay in register."""

    unused_flags = ()
    paired = True

    def __init__(self, opt: Namespace) -> None:
        super().__init__(opt)
        found = find_pairs(
            opt.dataroot,
            opt.phase,
            list_file=opt.pairs,
            allow_unpaired=opt.allow_unpaired,
            input_side=self.input_letter,
            input_suffixes=opt.input_suffixes,
            limit=opt.max_dataset_size,
        )
        self.pairs = self.usable_pairs([(pair.A, pair.B) for pair in found.pairs])
        found = replace(found, pairs=[Pair(A, B) for A, B in self.pairs])
        log.info("%s", pairs_summary(found, read_size))
        self._warn_about_single_pictures()

    def _warn_about_single_pictures(self) -> None:
        """A pair of ordinary images is at least 4:3 wide; looks at the first 50 headers."""
        sizes = [read_size(A.path) for A, _ in self.pairs[:50] if A.half]
        narrow = [(width, height) for width, height in sizes if 3 * width < 4 * height]
        if narrow and 2 * len(narrow) > len(sizes):
            width, height = narrow[0]
            log.warning(
                "%d of %d files looked at are about as high as wide (%d x %d), like single "
                "images; each is cut into A, %d x %d, and B. For images without partners: "
                "--dataset_mode unaligned --model cycle_gan",
                len(narrow), len(sizes), width, height, width // 2, height,
            )

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def examples(self) -> dict[str, list[Source]]:
        return {"A": [A for A, _ in self.pairs], "B": [B for _, B in self.pairs]}

    def __getitem__(self, index: int) -> Sample:
        source_A, source_B = self.pairs[index]
        A, B = self.pictures.pair(
            (self.A, self.B), self.pairs[index], partial(self._require_one_size, index)
        )
        draw = self.recipe.draw_scaled(image_size(A), self.random(index), source=source_A.path)
        return {
            "A": self.pack(self.A, A, draw),
            "B": self.pack(self.B, B, draw),
            "A_paths": str(source_A.path),
            "B_paths": str(source_B.path),
        }

    def _require_one_size(self, index: int, A: Pixels, B: Pixels) -> None:
        """A crop that is not scaled first needs pixels that lie upon each other."""
        (width_A, height_A), (width_B, height_B) = image_size(A), image_size(B)
        # The right half of a file of odd width is one pixel wider.
        apart = abs(width_A - width_B) > 1 or height_A != height_B
        if apart and self.recipe.preprocess in ("crop", "none"):
            source_A, source_B = self.pairs[index]
            raise PictureError(
                f"{source_A} is {width_A} x {height_A}, its partner {source_B} is {width_B} x "
                f"{height_B}; --preprocess {self.recipe.preprocess} needs pairs of one size, "
                "resize_and_crop scales both"
            )
