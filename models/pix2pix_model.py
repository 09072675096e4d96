"""pix2pix: learn G: A -> B from pairs (Isola et al. 2017, arXiv:1611.07004).

    L = lambda_GAN * GAN(G, D) + lambda_L1 * |G(A) - B|        (eq. 4)

D judges A and B side by side (a conditional GAN, eq. 1), or B alone with --unconditional_D (eq. 2).
"""

from argparse import ArgumentParser, Namespace

import torch
from torch import Tensor

from data.base_dataset import Batch
from models.base_model import BaseModel
from models.losses import GAN_MODES, check_gan_mode, gradient_penalty
from util.flags import weight


class Pix2PixModel(BaseModel):
    LOSSES = ("G_GAN", "G_L1", "D_real", "D_fake", "D_GP")
    FIT = ("G_L1",)

    @staticmethod
    def modify_commandline_options(
        parser: ArgumentParser, is_train: bool = True
    ) -> ArgumentParser:
        parser.set_defaults(norm="batch", netG="unet_256", dataset_mode="aligned")
        if not is_train:
            return parser
        parser.set_defaults(pool_size=0, gan_mode="vanilla", lr_metric="G_L1")
        group = parser.add_argument_group("pix2pix")
        group.add_argument("--lambda_L1", type=weight, default=100.0,
                           help="weight of the L1 term; 0 removes it")
        group.add_argument("--lambda_GAN", type=weight, default=1.0,
                           help="weight of the GAN term; 0 removes it, and D with it")
        group.add_argument("--unconditional_D", action="store_true",
                           help="D sees only the output, not the input")
        return parser

    @staticmethod
    def check_options(opt: Namespace) -> None:
        if opt.dataset_mode in ("unaligned", "single"):
            raise ValueError(f"--model {opt.model} learns from pairs, --dataset_mode "
                             f"{opt.dataset_mode} has none; use --dataset_mode aligned, or --model "
                             "cycle_gan for unpaired images")
        if opt.dataset_mode == "colorization" and opt.model == "pix2pix":
            raise ValueError("--model pix2pix with --dataset_mode colorization would display Lab "
                             "colours without conversion to RGB; use --model colorization")
        if not opt.isTrain:
            return
        check_gan_mode(opt.gan_mode, opt.norm)
        if opt.lambda_GAN == 0 and opt.lambda_L1 == 0:
            raise ValueError("--lambda_GAN 0 with --lambda_L1 0 leaves no loss; make one of them "
                             "positive")
        if opt.lr_policy == "plateau" and "G_L1" in opt.lr_metric and opt.lambda_L1 == 0:
            raise ValueError("--lr_policy plateau depends on G_L1, which --lambda_L1 0 removes; "
                             "give another --lr_metric, such as G_GAN")

    def __init__(self, opt: Namespace) -> None:
        super().__init__(opt)
        self.netG = self.add_generator("G", opt.input_nc, opt.output_nc)
        if not self.isTrain:
            return
        self.optimizer_G = self.add_optimizer("G", self.netG.parameters())
        self.gan = self.add_objective(GAN_MODES[opt.gan_mode])
        if opt.lambda_GAN > 0:
            seen = opt.output_nc if opt.unconditional_D else opt.input_nc + opt.output_nc
            self.netD = self.add_discriminator("D", seen)
            self.optimizer_D = self.add_optimizer("D", self.netD.parameters())

    def set_input(self, batch: Batch) -> None:
        self.real_A, self.real_B = self.take(batch)

    def forward(self) -> None:
        self.fake_B: Tensor = self.netG(self.real_A)

    def compute_visuals(self) -> None:
        self.visuals = {"real_A": self.real_A, "fake_B": self.fake_B, "real_B": self.real_B}

    def optimize_parameters(self) -> None:
        self.forward()
        if self.opt.lambda_GAN == 0:
            self.report_losses(**self._update_G())
            return
        losses_D = self._update_D()
        self.report_losses(**self._update_G(), **losses_D)

    def discriminator_losses(self) -> dict[str, Tensor]:
        """Return what D minimises, term by term, before ``_update_D`` halves it."""
        seen_fake, seen_real = self._input_of_D(self.fake_B.detach()), self._input_of_D(self.real_B)
        on_fake, on_real = self.in_one_pass(self.netD, seen_fake, seen_real)
        losses = {"D_real": self.gan.real(on_real), "D_fake": self.gan.fake(on_fake)}
        if self.opt.gan_mode == "wgangp":
            losses["D_GP"] = self.opt.lambda_gp * gradient_penalty(self.netD, seen_real, seen_fake)
        return losses

    def _update_D(self) -> dict[str, Tensor]:
        self.set_requires_grad(self.netD, True)
        losses = self.discriminator_losses()
        # Halved, so that D learns slowly relative to G (section 3.3).
        self.update(self.optimizer_D, 0.5 * torch.stack(list(losses.values())).sum())
        return losses

    def generator_losses(self) -> dict[str, Tensor]:
        """Return what G minimises, term by term; a subclass adds its own terms."""
        losses: dict[str, Tensor] = {}
        if self.opt.lambda_GAN > 0:
            # The step of G needs no gradients of D's weights; to compute them would waste time.
            self.set_requires_grad(self.netD, False)
            logits = self.netD(self._input_of_D(self.fake_B))
            losses["G_GAN"] = self.opt.lambda_GAN * self.gan.generator(logits)
        if self.opt.lambda_L1 > 0:
            losses["G_L1"] = self.opt.lambda_L1 * self.l1(self.fake_B, self.real_B, self.missing_B)
        return losses

    def _update_G(self) -> dict[str, Tensor]:
        losses = self.generator_losses()
        self.update(self.optimizer_G, torch.stack(list(losses.values())).sum())
        return losses

    def _input_of_D(self, image: Tensor) -> Tensor:
        """Return the input of D: [N, input_nc + output_nc, H, W], or the image alone."""
        image = self.like_real(image, self.real_B, self.missing_B)
        if self.opt.unconditional_D:
            return image
        return torch.cat([self.real_A, image], dim=1)
