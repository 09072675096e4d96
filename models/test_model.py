"""Apply one generator to images of one domain, without targets (test.py only)."""

from argparse import ArgumentParser, Namespace

from torch import Tensor

from data.base_dataset import Batch
from models.base_model import BaseModel
from models.comparison import Comparison
from util.flags import word
from util.run_folder.weights import generator_suffix


class TestModel(BaseModel):
    __test__ = False  # not a pytest class

    @staticmethod
    def modify_commandline_options(
        parser: ArgumentParser, is_train: bool = True
    ) -> ArgumentParser:
        parser.set_defaults(dataset_mode="single")
        group = parser.add_argument_group("test")
        group.add_argument("--model_suffix", type=word, default="",
                           help="load <epoch>_net_G<suffix>.pth, for example with _A; default: "
                                "net_G if it exists, else net_G_A (AtoB) or net_G_B (BtoA)")
        return parser

    @staticmethod
    def check_options(opt: Namespace) -> None:
        if opt.isTrain:
            raise ValueError("--model test only translates: train with --model pix2pix, cycle_gan, "
                             "...")
        if not opt.inputs and (opt.input_nc, opt.output_nc) == (1, 2):
            raise ValueError("--model test displays the output without conversion, and --input_nc "
                             f"1 with --output_nc {opt.output_nc} is probably a colorization; test "
                             "it with --model colorization, or write files without a page by "
                             "--output_dir")

    def __init__(self, opt: Namespace) -> None:
        super().__init__(opt)
        suffix = opt.model_suffix or generator_suffix(
            self.save_dir, self.load_suffix, opt.direction
        )
        self.netG = self.add_generator(f"G{suffix}", opt.input_nc, opt.output_nc)

    @staticmethod
    def comparisons(opt: Namespace) -> tuple[Comparison, ...]:
        return ()

    def set_input(self, batch: Batch) -> None:
        self.real = batch["A"].to(self.device)
        self.image_paths = batch["A_paths"]

    def forward(self) -> None:
        self.fake: Tensor = self.netG(self.real)

    def compute_visuals(self) -> None:
        self.visuals = {"real": self.real, "fake": self.fake}

    def optimize_parameters(self) -> None:
        raise TypeError("--model test only translates; train with another --model")
