"""Colorization: pix2pix from lightness to colour in Lab (Isola et al. 2017, figure 6; L -> ab)."""

from argparse import ArgumentParser, Namespace

from data.colour import lab_to_rgb
from models.codec import LabCodec
from models.comparison import Comparison
from models.pix2pix_model import Pix2PixModel


class ColorizationModel(Pix2PixModel):
    """real_A is the lightness [N, 1, H, W], real_B and fake_B are the two colours [N, 2, H, W]."""

    codec = LabCodec()

    @staticmethod
    def modify_commandline_options(
        parser: ArgumentParser, is_train: bool = True
    ) -> ArgumentParser:
        Pix2PixModel.modify_commandline_options(parser, is_train)
        parser.set_defaults(dataset_mode="colorization")
        return parser

    @staticmethod
    def check_options(opt: Namespace) -> None:
        Pix2PixModel.check_options(opt)
        if (opt.input_nc, opt.output_nc) != (1, 2):
            raise ValueError("--model colorization maps lightness to two colours: it needs "
                             f"--input_nc 1 and --output_nc 2, got {opt.input_nc} and "
                             f"{opt.output_nc}; leave both flags out and use --dataset_mode "
                             "colorization")

    @staticmethod
    def comparisons(opt: Namespace) -> tuple[Comparison, ...]:
        return (Comparison.paired("real_A", "fake_B_rgb", "real_B_rgb"),)

    def compute_visuals(self) -> None:
        self.visuals = {"real_A": self.real_A,
                        "real_B_rgb": lab_to_rgb(self.real_A, self.real_B),
                        "fake_B_rgb": lab_to_rgb(self.real_A, self.fake_B.detach())}
