"""The methods of the original's models that subclasses in its style call or override.

They stand between the class of a user and our own class, whose losses they use.
"""

from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from compat.networks import GANLoss
from compat.old_models.recognise import names_in, users_classes
from data.colour import lab_to_rgb
from models.base_model import BaseModel
from models.colorization_model import ColorizationModel
from models.cycle_gan_model import CycleGANModel
from models.losses import GANObjective
from models.pix2pix_model import Pix2PixModel

_METHODS = ("backward_D", "backward_G", "backward_D_basic", "backward_D_A", "backward_D_B",
            "lab2rgb")


def steps_of(cls: type) -> tuple[type, ...]:
    """Return the class with the original's methods, for a subclass of one of our models.

    A file may also call them as ``Pix2PixModel.backward_G(self)``, so our class gets them, too.
    """
    for ours, steps in ((ColorizationModel, OldColorization), (Pix2PixModel, OldPix2Pix),
                        (CycleGANModel, OldCycleGAN)):
        if issubclass(cls, ours) and ours not in users_classes(cls):
            for name in _METHODS:
                if hasattr(steps, name) and not hasattr(ours, name):
                    setattr(ours, name, getattr(steps, name))
            return (steps,)
    return ()


class _OldSteps(BaseModel):
    """Losses as attributes, and objectives that a subclass may replace after ``__init__``."""

    criterionGAN: Any

    def add_objective(self, gan: GANObjective) -> GANObjective:
        """Return losses that follow a later change of ``self.criterionGAN``."""
        kept = super().add_objective(gan)
        mode = self.opt.gan_mode
        needed = mode != "hinge" or "criterionGAN" in names_in(type(self))
        own = self.criterionGAN = GANLoss(mode).to(self.device) if needed else None

        def current(loss: Callable[[Tensor], Tensor], is_real: bool) -> Callable[[Tensor], Tensor]:
            return lambda logits: (loss(logits) if self.criterionGAN is own
                                   else self.criterionGAN(logits, is_real))

        return replace(kept, real=current(kept.real, True), fake=current(kept.fake, False),
                       generator=current(kept.generator, True))

    def backward_by(self, name: str, losses: Mapping[str, Tensor], factor: float = 1.0) -> None:
        """Set ``loss_<term>`` for each term, ``loss_<name>`` to their sum, and go backward."""
        for term, loss in losses.items():
            setattr(self, f"loss_{term}", loss)
        total = factor * torch.stack(list(losses.values())).sum()
        setattr(self, f"loss_{name}", total)
        total.backward()


class OldPix2Pix(_OldSteps, Pix2PixModel):
    @staticmethod
    def old_names(opt: Namespace) -> dict[str, list[str]]:
        losses = ["G_GAN", "G_L1", "D_real", "D_fake"]
        penalty = opt.isTrain and opt.gan_mode == "wgangp"
        return {"loss_names": losses + ["D_GP"] * penalty,
                "visual_names": ["real_A", "fake_B", "real_B"]}

    def add_objective(self, gan: GANObjective) -> GANObjective:
        self.criterionL1: Any = nn.L1Loss()
        return super().add_objective(gan)

    def l1(self, image: Tensor, target: Tensor, missing: Tensor | None) -> Tensor:
        if missing is not None:
            return super().l1(image, target, missing)
        loss: Tensor = self.criterionL1(image, target)
        return loss

    def backward_D(self) -> None:
        self.backward_by("D", self.discriminator_losses(), 0.5)

    def backward_G(self) -> None:
        self.backward_by("G", self.generator_losses())

    def optimize_parameters(self) -> None:
        self.forward()
        if self.opt.lambda_GAN > 0:
            self.set_requires_grad(self.netD, True)
            self.optimizer_D.zero_grad()
            self.backward_D()
            self.optimizer_D.step()
            self.set_requires_grad(self.netD, False)
        self.optimizer_G.zero_grad()
        self.backward_G()
        self.optimizer_G.step()


class OldColorization(OldPix2Pix, ColorizationModel):
    @staticmethod
    def old_names(opt: Namespace) -> dict[str, list[str]]:
        return OldPix2Pix.old_names(opt) | {
            "visual_names": ["real_A", "real_B_rgb", "fake_B_rgb"]}

    def lab2rgb(self, L: Tensor, AB: Tensor) -> Any:
        """Return the first image [H, W, 3] as numpy array in 0..255."""
        rgb = lab_to_rgb(L, AB.detach())[0].permute(1, 2, 0)
        return ((rgb + 1) * 127.5).cpu().numpy()

    def compute_visuals(self) -> None:
        self.real_B_rgb = self.lab2rgb(self.real_A, self.real_B)
        self.fake_B_rgb = self.lab2rgb(self.real_A, self.fake_B)


class OldCycleGAN(_OldSteps, CycleGANModel):
    @staticmethod
    def old_names(opt: Namespace) -> dict[str, list[str]]:
        names = {letter: [f"real_{letter}", f"fake_{other}", f"rec_{letter}"]
                 for letter, other in ("AB", "BA")}
        identity = opt.isTrain and opt.lambda_identity > 0
        return {"loss_names": list(CycleGANModel.LOSSES),
                "visual_names": names["A"] + ["idt_B"] * identity
                + names["B"] + ["idt_A"] * identity}

    def add_objective(self, gan: GANObjective) -> GANObjective:
        self.criterionCycle: Any = nn.L1Loss()
        self.criterionIdt: Any = nn.L1Loss()
        return super().add_objective(gan)

    def l1(self, image: Tensor, target: Tensor, missing: Tensor | None) -> Tensor:
        if missing is not None:
            return super().l1(image, target, missing)
        is_identity = any(image is getattr(self, name, None) for name in ("idt_A", "idt_B"))
        loss: Tensor = (self.criterionIdt if is_identity else self.criterionCycle)(image, target)
        return loss

    def backward_D_basic(self, netD: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        loss_D = self.discriminator_loss(netD, real, fake.detach())
        loss_D.backward()
        return loss_D

    def backward_D_A(self) -> None:
        fake_B = self.like_real(self.fake_B_pool.query(self.fake_B), self.real_B, self.missing_B)
        self.loss_D_A = self.backward_D_basic(self.netD_A, self.real_B, fake_B)

    def backward_D_B(self) -> None:
        fake_A = self.like_real(self.fake_A_pool.query(self.fake_A), self.real_A, self.missing_A)
        self.loss_D_B = self.backward_D_basic(self.netD_B, self.real_A, fake_A)

    def backward_G(self) -> None:
        if self.opt.lambda_identity > 0:
            self.idt_A = self.netG_A(self.real_B)
            self.idt_B = self.netG_B(self.real_A)
        self.backward_by("G", self.generator_losses())

    def optimize_parameters(self) -> None:
        discriminators = [self.netD_A, self.netD_B]
        self.forward()
        self.set_requires_grad(discriminators, False)
        self.optimizer_G.zero_grad()
        self.backward_G()
        self.optimizer_G.step()
        self.set_requires_grad(discriminators, True)
        self.optimizer_D.zero_grad()
        self.backward_D_A()
        self.backward_D_B()
        self.optimizer_D.step()
