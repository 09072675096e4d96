"""Adversarial objectives: pure functions from D's logits (any shape) to a scalar."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss, mse_loss, relu

LogitLoss = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class GANObjective:
    """The losses of D for real and for fake logits, and the loss of G for fake logits.

    ``undecided``: the logit of a D that cannot distinguish them; None for a critic, whose logits
    are unbounded.
    """

    real: LogitLoss
    fake: LogitLoss
    generator: LogitLoss
    undecided: float | None = None

    def observed(self, observer: Callable[[str, Tensor], None]) -> "GANObjective":
        """Return equal losses that call ``observer("real" or "fake", logits)`` for D's logits."""

        def with_observer(kind: str, loss: LogitLoss) -> LogitLoss:
            def observed_loss(logits: Tensor) -> Tensor:
                observer(kind, logits.detach())
                return loss(logits)

            return observed_loss

        real, fake = with_observer("real", self.real), with_observer("fake", self.fake)
        return replace(self, real=real, fake=fake)


def _cross_entropy(target: float) -> LogitLoss:
    return lambda logits: binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def _least_squares(target: float) -> LogitLoss:
    return lambda logits: mse_loss(logits, torch.full_like(logits, target))


def _minus_mean(logits: Tensor) -> Tensor:
    return -logits.mean()


GAN_MODES: dict[str, GANObjective] = {
    # Goodfellow et al. 2014, the non-saturating form
    "vanilla": GANObjective(_cross_entropy(1.0), _cross_entropy(0.0), _cross_entropy(1.0), 0.0),
    # Mao et al. 2017, labels 1 and 0
    "lsgan": GANObjective(_least_squares(1.0), _least_squares(0.0), _least_squares(1.0), 0.5),
    # Gulrajani et al. 2017; needs gradient_penalty
    "wgangp": GANObjective(_minus_mean, torch.mean, _minus_mean),
    # Lim and Ye 2017, Miyato et al. 2018
    "hinge": GANObjective(lambda logits: relu(1.0 - logits).mean(),
                     lambda logits: relu(1.0 + logits).mean(), _minus_mean, 0.0),
}
GAN_MODES["nonsaturating"] = GAN_MODES["vanilla"]  # CUT's name: softplus is this cross entropy


def l1_of_known(
    image: Tensor, target: Tensor, missing: Tensor | None, known: Tensor | None = None
) -> Tensor:
    """Return the mean of |image - target| over the values that are not missing; 0 if all are.

    ``missing``: bool like the images; None: no value is. ``known``: the share of known values to
    divide by, if that of the whole batch is another one than that of these images. The shapes of
    all tensors are those of the images, so a CUDA graph can record it.
    """
    if missing is None:
        return l1_loss(image, target)
    known = share_of_known(missing) if known is None else known
    error = (image - target).abs().masked_fill(missing, 0)
    return error.mean() / known.clamp(min=1 / missing.numel())


def share_of_known(missing: Tensor) -> Tensor:
    """Return the part of the values that is not missing: a scalar in 0..1, exactly 1 for all."""
    return (missing.numel() - missing.sum()).float() / missing.numel()


def like_real(fake: Tensor, real: Tensor, missing: Tensor | None) -> Tensor:
    """Return ``fake`` with the fill value of ``real`` where ``real`` is missing, for D.

    Otherwise D would recognise real images by their fill value.
    """
    return fake if missing is None else torch.where(missing, real, fake)


def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """Return the mean of (|gradient| - 1)^2 (Gulrajani et al. 2017, eq. 3).

    ``real`` and ``fake`` are [N, C, H, W]. The gradient is taken at one random point on the line
    between each pair. Logits are summed over the patches, so the penalty bounds the slope of the
    sum of each image's score map.
    """
    share = torch.rand(len(real), 1, 1, 1, device=real.device, dtype=real.dtype)
    between = share * real.detach() + (1.0 - share) * fake.detach()
    return distance_from_slope(gradients_at(critic, between).flatten(1), 1.0)


def gradients_at(critic: nn.Module, points: Tensor) -> Tensor:
    """Return the gradient of the summed logits, in the shape of ``points``, with its graph."""
    if not points.requires_grad:
        points = points.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return gradient


def distance_from_slope(gradients: Tensor, slope: float) -> Tensor:
    """Return the mean of (|gradient| - slope)^2 over the rows of ``gradients``, [N, K]."""
    # 1e-16 keeps the derivative of the square root finite for a gradient of exactly zero.
    norm = (gradients.square().sum(dim=1) + 1e-16).sqrt()
    return (norm - slope).square().mean()


def check_gan_mode(gan_mode: str, norm: str) -> None:
    """Raise ValueError for wgangp with a norm that mixes the images of a batch."""
    if gan_mode == "wgangp" and norm in ("batch", "syncbatch"):
        raise ValueError(f"--gan_mode wgangp with --norm {norm}: the gradient penalty is defined "
                         "for single images, and batch norm mixes the images of a batch (Gulrajani "
                         "et al. 2017, section 4); use --norm instance or --norm none")
