"""CycleGAN: learn G_A: A -> B and G_B: B -> A without pairs (Zhu et al. 2017, arXiv:1703.10593).

    L = GAN(G_A, D_A) + GAN(G_B, D_B)
      + lambda_A * |G_B(G_A(A)) - A| + lambda_B * |G_A(G_B(B)) - B|                    (eq. 2)
      + lambda_identity * (lambda_B * |G_A(B) - B| + lambda_A * |G_B(A) - A|)          (section 5.2)

Letters of the paper: G is G_A, F is G_B, D_Y is D_A (it judges images of B), D_X is D_B.
"""

from argparse import ArgumentParser, Namespace

import torch
from torch import Tensor, nn

from data import find_dataset
from data.base_dataset import Batch
from models.base_model import BaseModel
from models.comparison import Comparison
from models.losses import GAN_MODES, check_gan_mode, gradient_penalty
from util.flags import weight


class CycleGANModel(BaseModel):
    LOSSES = ("D_A", "G_A", "cycle_A", "idt_A", "D_B", "G_B", "cycle_B", "idt_B")
    FIT = ("cycle_A", "cycle_B")

    @staticmethod
    def modify_commandline_options(
        parser: ArgumentParser, is_train: bool = True
    ) -> ArgumentParser:
        parser.set_defaults(no_dropout=True)  # the generators of the paper have no dropout
        if not is_train:
            return parser
        parser.set_defaults(lr_metric="cycle_A+cycle_B")
        group = parser.add_argument_group("cycle_gan")
        group.add_argument("--lambda_A", type=weight, default=10.0,
                           help="weight of the cycle A -> B -> A")
        group.add_argument("--lambda_B", type=weight, default=10.0,
                           help="weight of the cycle B -> A -> B")
        group.add_argument("--lambda_identity", type=weight, default=0.5,
                           help="weight of the identity terms, relative to the cycle weights: "
                                "0.1 makes them ten times lighter; 0 removes them")
        return parser

    @staticmethod
    def check_options(opt: Namespace) -> None:
        if opt.dataset_mode in ("single", "colorization"):
            raise ValueError("--model cycle_gan needs images of two domains, and --dataset_mode "
                             f"{opt.dataset_mode} has only one; use --dataset_mode unaligned")
        if not opt.isTrain:
            return
        check_gan_mode(opt.gan_mode, opt.norm)
        if opt.lambda_identity > 0 and opt.input_nc != opt.output_nc:
            raise ValueError("the identity loss compares an image with its translation, but "
                             f"--input_nc {opt.input_nc} and --output_nc {opt.output_nc} differ; "
                             "use --lambda_identity 0")

    def __init__(self, opt: Namespace) -> None:
        super().__init__(opt)
        self.netG_A = self.add_generator("G_A", opt.input_nc, opt.output_nc)
        self.netG_B = self.add_generator("G_B", opt.output_nc, opt.input_nc, backwards=True)
        if not self.isTrain:
            return
        self.netD_A = self.add_discriminator("D_A", opt.output_nc)
        self.netD_B = self.add_discriminator("D_B", opt.input_nc)
        self.generators = nn.ModuleList([self.netG_A, self.netG_B])
        self.discriminators = nn.ModuleList([self.netD_A, self.netD_B])
        self.optimizer_G = self.add_optimizer("G", self.generators.parameters())
        self.optimizer_D = self.add_optimizer("D", self.discriminators.parameters())
        self.fake_B_pool = self.add_pool("fake_B")
        self.fake_A_pool = self.add_pool("fake_A")
        self.gan = self.add_objective(GAN_MODES[opt.gan_mode])

    def set_input(self, batch: Batch) -> None:
        self.real_A, self.real_B = self.take(batch)

    def forward(self) -> None:
        self.fake_B: Tensor = self.netG_A(self.real_A)
        self.rec_A: Tensor = self.netG_B(self.fake_B)
        self.fake_A: Tensor = self.netG_B(self.real_B)
        self.rec_B: Tensor = self.netG_A(self.fake_A)

    def forward_with_identity(self) -> None:
        """Do ``forward``, and also translate images that are already in the target domain."""
        A, B = self.real_A, self.real_B
        self.fake_B, self.idt_A = self.in_one_pass(self.netG_A, A, B)
        self.fake_A, self.idt_B, self.rec_A = self.in_one_pass(self.netG_B, B, A, self.fake_B)
        self.rec_B = self.netG_A(self.fake_A)

    def compute_visuals(self) -> None:
        a = {"real_A": self.real_A, "fake_B": self.fake_B, "rec_A": self.rec_A}
        b = {"real_B": self.real_B, "fake_A": self.fake_A, "rec_B": self.rec_B}
        if self.isTrain and self.opt.lambda_identity > 0:
            a["idt_B"] = self.idt_B  # made from real_A
            b["idt_A"] = self.idt_A
        self.visuals = a | b

    @staticmethod
    def comparisons(opt: Namespace) -> tuple[Comparison, ...]:
        if find_dataset(opt.dataset_mode).paired:
            return (Comparison.paired("real_A", "fake_B", "real_B"),
                    Comparison.paired("real_B", "fake_A", "real_A", from_target_side=True))
        return (Comparison.cycle("real_A", "fake_B", "rec_A", "real_B"),
                Comparison.cycle("real_B", "fake_A", "rec_B", "real_A", from_target_side=True))

    def optimize_parameters(self) -> None:
        if self.opt.lambda_identity > 0:
            self.forward_with_identity()
        else:
            self.forward()
        losses = self._update_G() | self._update_D()
        self.report_losses(**{name: losses[name] for name in self.LOSSES})

    def generator_losses(self) -> dict[str, Tensor]:
        """Return what the generators minimise, term by term; a subclass adds its own terms."""
        opt = self.opt
        fake_B = self.like_real(self.fake_B, self.real_B, self.missing_B)
        fake_A = self.like_real(self.fake_A, self.real_A, self.missing_A)
        return {"G_A": self.gan.generator(self.netD_A(fake_B)),
                "G_B": self.gan.generator(self.netD_B(fake_A)),
                "cycle_A": opt.lambda_A * self.l1(self.rec_A, self.real_A, self.missing_A),
                "cycle_B": opt.lambda_B * self.l1(self.rec_B, self.real_B, self.missing_B),
                **self._identity_losses()}

    def _update_G(self) -> dict[str, Tensor]:
        self.set_requires_grad(self.discriminators, False)
        losses = self.generator_losses()
        self.update(self.optimizer_G, torch.stack(list(losses.values())).sum())
        return losses

    def _identity_losses(self) -> dict[str, Tensor]:
        """Return the losses that keep images unchanged if they are in the target domain."""
        opt = self.opt
        if opt.lambda_identity == 0:
            zero = torch.zeros((), device=self.device)
            return {"idt_A": zero, "idt_B": zero}
        idt_A = self.l1(self.idt_A, self.real_B, self.missing_B)
        idt_B = self.l1(self.idt_B, self.real_A, self.missing_A)
        return {"idt_A": opt.lambda_identity * opt.lambda_B * idt_A,
                "idt_B": opt.lambda_identity * opt.lambda_A * idt_B}

    def _update_D(self) -> dict[str, Tensor]:
        self.set_requires_grad(self.discriminators, True)
        fake_B = self.fake_B_pool.query(self.fake_B.detach())
        fake_B = self.like_real(fake_B, self.real_B, self.missing_B)
        D_A = self.discriminator_loss(self.netD_A, self.real_B, fake_B)
        fake_A = self.fake_A_pool.query(self.fake_A.detach())
        fake_A = self.like_real(fake_A, self.real_A, self.missing_A)
        D_B = self.discriminator_loss(self.netD_B, self.real_A, fake_A)
        self.update(self.optimizer_D, D_A + D_B)
        return {"D_A": D_A, "D_B": D_B}

    def discriminator_loss(self, net: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        on_real, on_fake = self.in_one_pass(net, real, fake)
        loss = self.gan.real(on_real) + self.gan.fake(on_fake)
        if self.opt.gan_mode == "wgangp":
            loss = loss + self.opt.lambda_gp * gradient_penalty(net, real, fake)
        # Halved, so that D learns slowly relative to G (pix2pix, section 3.3).
        return 0.5 * loss
