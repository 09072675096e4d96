"""Norms and initial weights, by the names that ``--norm`` and ``--init_type`` take."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import init

NORMS: dict[str, Callable[[int], nn.Module]] = {
    "instance": nn.InstanceNorm2d,  # no affine part, no running statistics: no tensors in a file
    "batch": nn.BatchNorm2d,
    "syncbatch": nn.SyncBatchNorm,
    "none": nn.Identity,  # keeps the slot, so that the names after it do not move
}


def uses_bias(norm: str) -> bool:
    """Whether convolutions beside this norm have a bias: the published weights say only "instance".

    Batch norm brings its own shift. ``none`` goes without one as well, because the files do.
    """
    return norm == "instance"


def _normal(weight: Tensor, gain: float) -> Tensor:
    return init.normal_(weight, 0.0, gain)


def _kaiming(weight: Tensor, gain: float) -> Tensor:
    """Fan-in scaling for ReLU (He et al. 2015). It fixes the variance, so ``gain`` has no part."""
    return init.kaiming_normal_(weight, a=0.0, mode="fan_in")


INITS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "normal": _normal,
    "xavier": init.xavier_normal_,
    "kaiming": _kaiming,
    "orthogonal": init.orthogonal_,
}


def init_weights(net: nn.Module, init_type: str = "normal", gain: float = 0.02) -> None:
    """Draw all weights anew, in place. Biases become 0; the scale of batch norms is N(1, gain).

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
