"""Adversarial objectives: pure functions of D's logits (any shape) to a scalar."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss, relu

Loss = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class GANLoss:
    """What D minimises on real and on fake logits, and what G minimises on fake ones.

    ``undecided``: the logit of a D that cannot tell; None for a critic, whose logits have no bound.
    """

    real: Loss
    fake: Loss
    generator: Loss
    undecided: float | None = None

    def noting(self, note: Callable[[str, Tensor], None]) -> "GANLoss":
        """The same; ``note`` gets ``real`` or ``fake`` and the logits that D is judged by."""

        def noted(kind: str, loss: Loss) -> Loss:
            def judge(logits: Tensor) -> Tensor:
                note(kind, logits.detach())
                return loss(logits)

            return judge

        return replace(self, real=noted("real", self.real), fake=noted("fake", self.fake))


def _cross_entropy(target: float) -> Loss:
    return lambda logits: binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def _least_squares(target: float) -> Loss:
    return lambda logits: mse_loss(logits, torch.full_like(logits, target))


def _mean(logits: Tensor) -> Tensor:
    return logits.mean()


def _minus_mean(logits: Tensor) -> Tensor:
    return -logits.mean()


GAN_MODES: dict[str, GANLoss] = {
    # Goodfellow et al. 2014, the non-saturating form
    "vanilla": GANLoss(_cross_entropy(1.0), _cross_entropy(0.0), _cross_entropy(1.0), 0.0),
    # Mao et al. 2017, labels 1 and 0
    "lsgan": GANLoss(_least_squares(1.0), _least_squares(0.0), _least_squares(1.0), 0.5),
    # Gulrajani et al. 2017; needs gradient_penalty
    "wgangp": GANLoss(_minus_mean, _mean, _minus_mean),
    # Lim and Ye 2017, Miyato et al. 2018
    "hinge": GANLoss(
        lambda logits: relu(1.0 - logits).mean(),
        lambda logits: relu(1.0 + logits).mean(),
        _minus_mean,
        0.0,
    ),
}


def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """Mean of (|gradient| - 1)^2 between ``real`` and ``fake`` (Gulrajani et al. 2017, eq. 3).

    Both are [N, C, H, W]; one random point is taken on the line between each pair. Logits are
    summed over the patch, so that the penalty bounds the slope of every image's whole score map.
    """
    share = torch.rand(len(real), 1, 1, 1, device=real.device, dtype=real.dtype)
    between = (share * real.detach() + (1.0 - share) * fake.detach()).requires_grad_()
    logits = critic(between)
    (gradient,) = torch.autograd.grad(logits.sum(), between, create_graph=True)
    # 1e-16 keeps the square root's slope finite where the gradient is exactly zero.
    norm = (gradient.flatten(1).square().sum(dim=1) + 1e-16).sqrt()
    return (norm - 1.0).square().mean()


def check_gan_mode(gan_mode: str, norm: str) -> None:
    """Refuse a penalty on single images where D mixes the images of a batch."""
    if gan_mode == "wgangp" and norm in ("batch", "syncbatch"):
        raise ValueError(
            f"--gan_mode wgangp with --norm {norm}: the gradient penalty holds for each picture "
            "alone, and batch norm mixes pictures (Gulrajani et al. 2017, section 4); "
            "use --norm instance or --norm none"
        )
