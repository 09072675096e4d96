"""The statistics that the norms of an exported network use, settled once and for all.

batch       those of each picture, as a batch norm in training has them of a batch of one: what
            test.py does without --eval, and the papers do.
running     those gathered in training: what test.py --eval does.
calibrated  means over given pictures, each normalised by its own on the way (as
            torch.optim.swa_utils.update_bn does it): for runs whose running statistics are off,
            as after a training with batches of one.

Dropout is off in every case.
"""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor, nn

from inference.padding import translate_any_size
from inference.prepare import Dropout, Norm, PictureNorm, replace_modules

BnMode = Literal["batch", "running", "calibrated"]
BN_MODES: tuple[BnMode, ...] = ("batch", "running", "calibrated")


def settle(net: nn.Module, bn_mode: BnMode, pictures: Iterable[Tensor] = ()) -> nn.Module:
    """``net`` itself, ready to be exported: it can no longer be trained.

    Args:
        pictures: [1, C, H, W] in -1..1, as the network gets them: those to calibrate on.
    """
    net = replace_modules(net, lambda m: nn.Identity() if isinstance(m, Dropout) else m)
    if bn_mode == "calibrated":
        _calibrate(net, pictures)

    def settled(module: nn.Module) -> nn.Module:
        if not isinstance(module, Norm):
            return module
        if bn_mode == "batch" or module.running_mean is None:
            return PictureNorm(module)
        return _plain(module)

    return replace_modules(net, settled).eval().requires_grad_(False)


def describe(bn_mode: BnMode, *, norm: str, pictures: int) -> str:
    """One sentence for the report and the model card."""
    if norm == "none":
        return "no norms"
    if norm == "instance":
        return "instance norm: the statistics of each picture; --bn_mode makes no difference"
    return f"{norm} norm, bn_mode {bn_mode}: " + {
        "batch": "the statistics of each picture, as test.py without --eval",
        "running": "the running statistics of the training, as test.py --eval",
        "calibrated": f"statistics estimated anew on {pictures} pictures",
    }[bn_mode]


@torch.no_grad()
def _calibrate(net: nn.Module, pictures: Iterable[Tensor]) -> None:
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d | nn.SyncBatchNorm)]
    if not norms:
        raise ValueError(
            "--bn_mode calibrated estimates the statistics of batch norms, and this network has "
            "none: leave it out"
        )
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean
    seen = 0
    net = replace_modules(net, lambda m: _plain(m) if isinstance(m, nn.SyncBatchNorm) else m)
    net.train()
    for picture in pictures:
        translate_any_size(net, picture)
        seen += 1
    if not seen:
        raise ValueError("--bn_mode calibrated found no picture: check --calibrate")


def _plain(norm: Norm) -> nn.Module:
    """Batch norm that runs on any device, sharing the tensors of ``norm``."""
    if not isinstance(norm, nn.SyncBatchNorm):
        return norm
    plain = nn.BatchNorm2d(norm.num_features, norm.eps, norm.momentum)
    for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
        setattr(plain, name, getattr(norm, name))
    return plain
