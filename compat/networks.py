"""Criterion, gradient penalty and schedulers as the original's ``models.networks`` offers them.

Imports of ``models`` stand inside functions, because ``models.networks`` imports this file.
"""

from argparse import Namespace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

# Losses to a label; None: the mean of the logits, whose sign is that of the label.
_TO_LABEL: dict[str, type[nn.Module] | None] = {
    "lsgan": nn.MSELoss, "vanilla": nn.BCEWithLogitsLoss, "wgangp": None,
}


class GANLoss(nn.Module):
    """``criterion(logits, target_is_real)``: a scalar, the loss of logits of any shape.

    Our own models use the functions of ``models/losses.py`` instead.
    """

    real_label: Tensor
    fake_label: Tensor

    def __init__(
        self, gan_mode: str, target_real_label: float = 1.0, target_fake_label: float = 0.0
    ) -> None:
        super().__init__()
        if gan_mode not in _TO_LABEL:
            raise ValueError(f"GANLoss has no gan_mode {gan_mode!r}, because its call does not "
                             "tell whether G or D learns; choose from "
                             f"{', '.join(_TO_LABEL)}, or use GAN_MODES of models/losses.py")
        self.gan_mode = gan_mode
        self.register_buffer("real_label", torch.tensor(float(target_real_label)))
        self.register_buffer("fake_label", torch.tensor(float(target_fake_label)))
        loss = _TO_LABEL[gan_mode]
        self.loss = loss() if loss else None

    def get_target_tensor(self, prediction: Tensor, target_is_real: bool) -> Tensor:
        """Return the label in the shape of ``prediction``."""
        return (self.real_label if target_is_real else self.fake_label).expand_as(prediction)

    def forward(self, prediction: Tensor, target_is_real: bool) -> Tensor:
        if self.loss is None:
            return -prediction.mean() if target_is_real else prediction.mean()
        loss: Tensor = self.loss(prediction, self.get_target_tensor(prediction, target_is_real))
        return loss


def cal_gradient_penalty(
    netD: nn.Module, real_data: Tensor, fake_data: Tensor, device: torch.device | str,
    type: Literal["mixed", "real", "fake"] = "mixed", constant: float = 1.0,
    lambda_gp: float = 10.0,
) -> tuple[Tensor | float, Tensor | None]:
    """Return lambda_gp * mean((|gradient| - constant)^2), and the gradients [N, C * H * W].

    The gradient of D is taken at the images ``real_data`` or ``fake_data`` [N, C, H, W], or at one
    random point between each pair (Gulrajani et al. 2017, eq. 3). It is (0.0, None) if
    ``lambda_gp`` is not positive.

    Raises:
        ValueError: ``type`` is unknown.
    """
    from models.losses import distance_from_slope, gradients_at

    if lambda_gp <= 0:
        return 0.0, None
    if type not in ("mixed", "real", "fake"):
        raise ValueError(f"no gradient penalty is called {type!r}; choose from mixed, real, fake")
    points = real_data if type == "real" else fake_data
    if type == "mixed":
        share = torch.rand(len(real_data), *[1] * (real_data.ndim - 1), device=device)
        points = share * real_data + (1 - share) * fake_data
    gradients = gradients_at(netD, points).flatten(1)
    return lambda_gp * distance_from_slope(gradients, constant), gradients


def get_scheduler(optimizer: Optimizer, opt: Namespace) -> LambdaLR | ReduceLROnPlateau:
    """Return the scheduler of ``--lr_policy``; call its ``step`` after each epoch.

    The rates are those of our own models: with ``--epoch_count`` every policy begins at that epoch,
    and a cosine falls over all epochs.

    Raises:
        ValueError: the policy is unknown.
    """
    from models.schedules import LR_POLICIES, PLATEAU, SCHEDULES, EpochCounts, plateau_of

    if opt.lr_policy == PLATEAU:
        return plateau_of(optimizer, "min")
    if opt.lr_policy not in SCHEDULES:
        raise ValueError(f"no lr_policy is called {opt.lr_policy!r}; choose from "
                         f"{', '.join(LR_POLICIES)}")
    factor, first = SCHEDULES[opt.lr_policy], getattr(opt, "epoch_count", None) or 1
    counts = EpochCounts(constant=getattr(opt, "n_epochs", 0),
                         decay=getattr(opt, "n_epochs_decay", 0),
                         period=getattr(opt, "lr_decay_iters", 1))
    return LambdaLR(optimizer, lambda done: factor(first + done, counts))
