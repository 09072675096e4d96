"""Colour photos in <dataroot>/<phase>/, split into lightness (A) and colour (B)."""

from argparse import ArgumentParser, Namespace

import torch

from data.base_dataset import BaseDataset, Sample
from data.colour import rgb_to_lab
from data.files.side import Side
from data.files.source import Source


class ColorizationDataset(BaseDataset):
    """CIE Lab: A = L / 50 - 1 in [1, H, W], B = (a, b) / 110 in [2, H, W]."""

    unused_flags = (*BaseDataset.unused_flags, "input_suffixes", "nearest")
    paired = draws_itself = True

    def __init__(self, opt: Namespace) -> None:
        super().__init__(opt)
        self.photos = Side("A", channels=3, value_range=self.A.value_range,
                           nan_value=self.A.nan_value)
        self.sources = self.find(self.photos, opt.phase)

    @staticmethod
    def modify_commandline_options(parser: ArgumentParser, is_train: bool) -> ArgumentParser:
        parser.set_defaults(input_nc=1, output_nc=2, direction="AtoB")
        return parser

    @classmethod
    def check_options(cls, opt: Namespace) -> None:
        super().check_options(opt)
        for flag, wanted in (("input_nc", 1), ("output_nc", 2), ("direction", "AtoB")):
            if getattr(opt, flag) != wanted:
                raise ValueError(f"--{flag} is {getattr(opt, flag)}, but --dataset_mode "
                                 "colorization predicts 2 colour channels (B) from 1 channel of "
                                 f"lightness (A): leave --{flag} out")

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def examples(self) -> dict[str, list[Source]]:
        return {"A": self.sources, "B": self.sources}

    def levels_of_missing(self) -> dict[str, float]:
        """Return the lightness of the grey of --nan_value, which has no colour."""
        levels = super().levels_of_missing()
        if levels:
            grey = torch.full((3, 1, 1), levels["A"])
            levels = {"A": float(rgb_to_lab(grey)[0]), "B": 0.0}
        return levels

    def __getitem__(self, index: int) -> Sample:
        source = self.sources[index]
        pixels = self.pictures.one(self.photos, source)
        draw = self.draw(pixels, self.random(index), source)
        A, B = rgb_to_lab(self.photos.to_tensor(draw(pixels)))
        A = draw.augment.jitter(A)
        return {"A": draw.augment.cut_out(A), "B": draw.augment.cut_out(B),
                "A_paths": str(source.path), "B_paths": str(source.path)}
