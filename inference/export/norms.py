"""Choose the statistics that the norms of an exported network use.

batch       the statistics of each image, as for a batch of one in training: test.py without
            --eval, and the tests of the papers.
running     the statistics gathered in training: test.py --eval.
calibrated  means over given images, where earlier layers use the statistics of each image (as
            torch.optim.swa_utils.update_bn does): for runs with wrong running statistics, such
            as after training with batches of one.

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


def fix_statistics(net: nn.Module, bn_mode: BnMode, images: Iterable[Tensor] = ()) -> nn.Module:
    """Make ``net`` ready for export, in place, and return it: it can no longer be trained.

    ``images``: for calibrated, [1, C, H, W] in -1..1, encoded for the network.
    """
    net = replace_modules(net, lambda m: nn.Identity() if isinstance(m, Dropout) else m)
    if bn_mode == "calibrated":
        _calibrate(net, images)

    def fixed(module: nn.Module) -> nn.Module:
        if isinstance(module, Norm) and (bn_mode == "batch" or module.running_mean is None):
            return PictureNorm(module)
        return module  # SyncBatchNorm too: in one process, it is a batch norm on any device

    return replace_modules(net, fixed).eval().requires_grad_(False)


def describe(bn_mode: BnMode, *, norm: str, calibrated_on: int) -> str:
    """Return one line for the report and the model card."""
    if norm == "none":
        return "no norms"
    if norm == "instance":
        return "instance norm: the statistics of each image; --bn_mode makes no difference"
    return f"{norm} norm, bn_mode {bn_mode}: " + {
        "batch": "the statistics of each image, as test.py without --eval",
        "running": "the running statistics of the training, as test.py --eval",
        "calibrated": f"statistics estimated on {calibrated_on} images",
    }[bn_mode]


@torch.no_grad()
def _calibrate(net: nn.Module, images: Iterable[Tensor]) -> None:
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d | nn.SyncBatchNorm)]
    if not norms:
        raise ValueError("--bn_mode calibrated estimates the statistics of batch norms, and this "
                         "network has none: leave it out")
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean
    net.train()
    count = 0
    for image in images:
        translate_any_size(net, image)
        count += 1
    if not count:
        raise ValueError("--bn_mode calibrated found no image: check --calibrate")
