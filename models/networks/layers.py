"""Norms and initial weights, by the names that ``--norm`` and ``--init_type`` take."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import init

NORMS: dict[str, Callable[[int], nn.Module]] = {
    "instance": nn.InstanceNorm2d,  # no affine part, no running statistics: no tensors in a file
    "batch": nn.BatchNorm2d,
    "syncbatch": nn.SyncBatchNorm,
    "none": nn.Identity,  # keeps the position, so that the names after it do not change
}


def uses_bias(norm: str) -> bool:
    """Return whether convolutions next to ``norm`` have a bias, as in the published checkpoints.

    True only for instance norm. Batch norm has a shift of its own; ``none`` has no bias because
    the published files have none.
    """
    return norm == "instance"


def _normal(weight: Tensor, gain: float) -> Tensor:
    return init.normal_(weight, 0.0, gain)


def _kaiming(weight: Tensor, gain: float) -> Tensor:
    """Scale by fan-in for ReLU (He et al. 2015). It fixes the variance: ``gain`` is ignored."""
    return init.kaiming_normal_(weight, a=0.0, mode="fan_in")


INITS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "normal": _normal,
    "xavier": init.xavier_normal_,
    "kaiming": _kaiming,
    "orthogonal": init.orthogonal_,
}


def init_weights(net: nn.Module, init_type: str = "normal", gain: float = 0.02) -> nn.Module:
    """Draw new weights, in place, and return ``net``.

    Biases become 0; the scale of batch norms is N(1, gain).

    The default, N(0, 0.02), is that of pix2pix, section 6.2, and CycleGAN, section 7.1.
    """
    draw = INITS[init_type]
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            draw(module.weight, gain)
            if module.bias is not None:
                init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d | nn.SyncBatchNorm) and module.affine:
            init.normal_(module.weight, 1.0, gain)
            init.zeros_(module.bias)
    return net
