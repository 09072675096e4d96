"""Template: copy it to models/<name>_model.py, rename the class, train with ``--model <name>``.

It works without changes: one generator with one L1 loss,

    L = lambda_regression * |G(A) - B|
"""

from argparse import ArgumentParser, Namespace

from torch import Tensor

from data.base_dataset import Batch
from models.base_model import BaseModel
from models.comparison import Comparison
from util.flags import weight


class TemplateModel(BaseModel):
    LOSSES = ("G",)
    FIT = ("G",)

    @staticmethod
    def modify_commandline_options(
        parser: ArgumentParser, is_train: bool = True
    ) -> ArgumentParser:
        """Add the flags of this model, and set other defaults for shared flags."""
        parser.set_defaults(dataset_mode="aligned", no_dropout=True)
        if is_train:
            parser.set_defaults(lr_metric="G")
            group = parser.add_argument_group("template")
            group.add_argument("--lambda_regression", type=weight, default=1.0,
                               help="weight of the L1 term")
        return parser

    @staticmethod
    def check_options(opt: Namespace) -> None:
        """Raise ValueError for flags that contradict each other. The program exits with 2."""
        if opt.dataset_mode == "single":
            raise ValueError(
                "--model template learns from pairs, but --dataset_mode single has no targets; "
                "use --dataset_mode aligned"
            )

    def __init__(self, opt: Namespace) -> None:
        super().__init__(opt)
        self.netG = self.add_generator("G", opt.input_nc, opt.output_nc)
        if self.isTrain:
            self.optimizer_G = self.add_optimizer("G", self.netG.parameters())

    def set_input(self, batch: Batch) -> None:
        self.data_A, self.data_B = self.take(batch)

    def forward(self) -> None:
        self.output: Tensor = self.netG(self.data_A)

    def compute_visuals(self) -> None:
        self.visuals = {"real_A": self.data_A, "fake_B": self.output, "real_B": self.data_B}

    @staticmethod
    def comparisons(opt: Namespace) -> tuple[Comparison, ...]:
        """Return the labels of ``visuals`` that a validation compares (--val_phase)."""
        return (Comparison.paired("real_A", "fake_B", "real_B"),)

    def optimize_parameters(self) -> None:
        self.forward()
        # ``missing_B``: pixels that the target's file does not have (--nan_value).
        loss = self.opt.lambda_regression * self.l1(self.output, self.data_B, self.missing_B)
        self.update(self.optimizer_G, loss)
        self.report_losses(G=loss)
