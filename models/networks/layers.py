"""Norms and initial weights, by the names that ``--norm`` and ``--init_type`` take."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import init

# Constructors that are ``functools.partial`` of a class, except "none": networks of users test this
# to decide about biases.
NORMS: dict[str, Callable[[int], nn.Module]] = {
    # No affine part and no running statistics: no tensors in a file.
    "instance": partial(nn.InstanceNorm2d, affine=False, track_running_stats=False),
    "batch": partial(nn.BatchNorm2d, affine=True, track_running_stats=True),
    "syncbatch": partial(nn.SyncBatchNorm, affine=True, track_running_stats=True),
    "none": nn.Identity,  # keeps the position, so that the names after it do not change
}
# A name in ``NORMS``, or a function of the number of channels, such as a class of torch.nn.
NormLayer = str | Callable[[int], nn.Module]


def norm_builder(norm_layer: NormLayer) -> Callable[[int], nn.Module]:
    """Return the constructor of the norm, which takes the number of channels."""
    return NORMS[norm_layer] if isinstance(norm_layer, str) else norm_layer


def uses_bias(norm_layer: NormLayer) -> bool:
    """Return whether convolutions next to the norm have a bias, as in the published checkpoints.

    True only for instance norm. Batch norm has a shift of its own; ``none`` has no bias because
    the published files have none.
    """
    build = norm_builder(norm_layer)
    return getattr(build, "func", build) is nn.InstanceNorm2d


def get_norm_layer(norm_type: str = "instance") -> Callable[[int], nn.Module]:
    """Return the constructor of a norm by its name.

    Raises:
        ValueError: the name is unknown.
    """
    if norm_type not in NORMS:
        raise ValueError(f"no norm is called {norm_type!r}; choose from {', '.join(NORMS)}")
    return NORMS[norm_type]


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


def init_weights(net: nn.Module, init_type: str = "normal", init_gain: float = 0.02) -> nn.Module:
    """Draw new weights, in place, and return ``net``.

    Biases become 0; the scale of batch norms is N(1, init_gain).

    The default, N(0, 0.02), is that of pix2pix, section 6.2, and CycleGAN, section 7.1.
    """
    draw = INITS[init_type]
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            draw(module.weight, init_gain)
            if module.bias is not None:
                init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d | nn.SyncBatchNorm) and module.affine:
            init.normal_(module.weight, 1.0, init_gain)
            init.zeros_(module.bias)
    return net


def init_net(
    net: nn.Module, init_type: str = "normal", init_gain: float = 0.02,
    gpu_ids: Sequence[int] | None = (),
) -> nn.Module:
    """Draw new weights, in place, and return ``net``.

    ``gpu_ids``: it is moved to the first of these GPUs. It stays where it is if the list is empty,
    or if torch sees no GPU.
    """
    init_weights(net, init_type, init_gain)
    if gpu_ids and torch.cuda.is_available():
        net.to(torch.device("cuda", gpu_ids[0]))
    return net
