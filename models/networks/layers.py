"""Norms and initial weights, by the names that ``--norm`` and ``--init_type`` take."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import init

from util.text import similar

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


def require_known(what: str, name: str, known: Iterable[str], otherwise: str = "") -> None:
    """Raise ValueError if no ``what`` has this name; the message has the most similar one."""
    if name not in known:
        choices = ", ".join(known)
        raise ValueError(f"no {what} is called {name!r}; choose from {choices}{otherwise}"
                         + similar(name, known))


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
    require_known("norm", norm_type, NORMS)
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


def init_weights(
    net: nn.Module, init_type: str = "normal", init_gain: float = 0.02
) -> nn.Module:
    """Draw new weights, in place, and return ``net``.

    Biases become 0; the scale of batch norms is N(1, init_gain). Layers are recognised by the names
    of their classes, as in the original, so that layers of users are included.

    The default, N(0, 0.02), is that of pix2pix, section 6.2, and CycleGAN, section 7.1.

    Raises:
        ValueError: the ``init_type`` is unknown.
    """
    require_known("init_type", init_type, INITS)

    def draw(module: nn.Module) -> None:
        kind = type(module).__name__
        weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
        if not isinstance(weight, Tensor):
            return
        if "Conv" in kind or "Linear" in kind:
            INITS[init_type](weight, init_gain)
        elif "BatchNorm2d" in kind or "SyncBatchNorm" in kind:
            init.normal_(weight, 1.0, init_gain)
        else:
            return
        if isinstance(bias, Tensor):
            init.zeros_(bias)

    return net.apply(draw)


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
