"""Colour photographs in <dataroot>/<phase>/, split into lightness (A) and colour (B)."""

from argparse import ArgumentParser, Namespace

from data.base_dataset import BaseDataset, Sample
from data.image_folder import find_images
from util.colour import rgb_to_lab


class ColorizationDataset(BaseDataset):
    """CIE Lab: A = L / 50 - 1 in [1, H, W], B = (a, b) / 110 in [2, H, W]."""

    picture_flags = ()  # the counts are those of Lab

    def __init__(self, opt: Namespace) -> None:
        super().__init__(opt)
        self.paths = find_images(opt.dataroot, opt.phase, limit=opt.max_dataset_size)
        self.check_sizes(self.paths)

    @staticmethod
    def modify_commandline_options(parser: ArgumentParser, is_train: bool) -> None:
        parser.set_defaults(input_nc=1, output_nc=2, direction="AtoB")

    @classmethod
    def check_options(cls, opt: Namespace) -> None:
        super().check_options(opt)
        for flag, wanted in (("input_nc", 1), ("output_nc", 2), ("direction", "AtoB")):
            if getattr(opt, flag) != wanted:
                raise ValueError(
                    f"--{flag} is {getattr(opt, flag)}, but --dataset_mode colorization predicts "
                    f"2 colour channels (B) from 1 of lightness (A): leave --{flag} out"
                )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Sample:
        path = self.paths[index]
        A, B = rgb_to_lab(self.load_picture(path, 3, self.random(index)))
        return {"A": A, "B": B, "A_paths": str(path), "B_paths": str(path)}
