"""Colorization: pix2pix from lightness to colour, in Lab (Isola et al. 2017, figure 6; L -> ab)."""

from argparse import ArgumentParser, Namespace

import torch
from torch import Tensor

from data.colour import lab_to_rgb, rgb_to_lab, traced_lab_to_rgb, traced_lightness
from models.comparison import Outcome
from models.pix2pix_model import Pix2PixModel


class ColorizationModel(Pix2PixModel):
    """real_A is the lightness [N, 1, H, W], real_B and fake_B are the two colours [N, 2, H, W]."""

    @staticmethod
    def modify_commandline_options(parser: ArgumentParser, is_train: bool) -> None:
        Pix2PixModel.modify_commandline_options(parser, is_train)
        parser.set_defaults(dataset_mode="colorization")

    @staticmethod
    def check_options(opt: Namespace) -> None:
        Pix2PixModel.check_options(opt)
        if (opt.input_nc, opt.output_nc) != (1, 2):
            raise ValueError(
                f"--model colorization maps lightness to two colours: it needs --input_nc 1 and "
                f"--output_nc 2, got {opt.input_nc} and {opt.output_nc}; leave both flags out and "
                "use --dataset_mode colorization"
            )

    picture_channels = 3

    @staticmethod
    def encode(pictures: Tensor) -> Tensor:
        return torch.stack([rgb_to_lab(picture)[0] for picture in pictures]).to(pictures.device)

    @staticmethod
    def decode(inputs: Tensor, outputs: Tensor) -> Tensor:
        return lab_to_rgb(inputs, outputs)

    @classmethod
    def encode_in_torch(cls, pictures: Tensor) -> Tensor:
        return traced_lightness(pictures)

    @classmethod
    def decode_in_torch(cls, inputs: Tensor, outputs: Tensor) -> Tensor:
        return traced_lab_to_rgb(inputs, outputs)

    def outcomes(self) -> tuple[Outcome, ...]:
        return (Outcome(given="real_A", made="fake_B_rgb", wanted="real_B_rgb"),)

    def compute_visuals(self) -> None:
        self.visuals = {
            "real_A": self.real_A,
            "real_B_rgb": lab_to_rgb(self.real_A, self.real_B),
            "fake_B_rgb": lab_to_rgb(self.real_A, self.fake_B.detach()),
        }
