"""Build the parts of a model from options and named values."""

from argparse import Namespace
from collections.abc import Iterable, Mapping
from inspect import Parameter, signature
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from models.networks import define_D, define_G, own_flags
from util.random_states import random_states_kept

_FUSED_ON = ("cpu", "cuda", "mps")  # devices that update all weights in one kernel
_FUSED = (Adam, AdamW, SGD)  # and the optimizers that can do it on all of them


def generator_from_options(opt: Namespace, in_channels: int, out_channels: int) -> nn.Module:
    """Return the generator of --netG, --ngf, --norm, --init_type and the network's own flags."""
    return define_G(
        opt.netG,
        in_channels=in_channels,
        out_channels=out_channels,
        width=opt.ngf,
        norm=opt.norm,
        dropout=not opt.no_dropout,
        init_type=opt.init_type,
        init_gain=opt.init_gain,
        **{flag: getattr(opt, flag) for flag in own_flags("generator", opt.netG)},
    )


def discriminator_from_options(opt: Namespace, in_channels: int) -> nn.Module:
    """Return the discriminator of --netD, --ndf, --norm, --init_type and its own flags."""
    return define_D(
        opt.netD,
        in_channels=in_channels,
        width=opt.ndf,
        n_layers=opt.n_layers_D,
        norm=opt.norm,
        init_type=opt.init_type,
        init_gain=opt.init_gain,
        **{flag: getattr(opt, flag) for flag in own_flags("discriminator", opt.netD)},
    )


def as_groups(parameters: Iterable[Any]) -> list[dict[str, Any]]:
    """Return parameters, or groups of them as torch.optim takes them, as a list of groups."""
    given = list(parameters)
    if given and isinstance(given[0], dict):
        return [{**group, "params": list(group["params"])} for group in given]
    return [{"params": given}]


def build_optimizer(
    cls: type[Optimizer], groups: list[dict[str, Any]], *, lr: float, betas: tuple[float, float],
    device: torch.device, capturable: bool, settings: Mapping[str, Any],
) -> Optimizer:
    """Return ``cls(groups, lr=lr, **settings)``, completed by what the class understands.

    Args:
        betas: for classes that take moments; ``settings`` may name others.
        capturable: the steps are recorded as a CUDA graph.

    Raises:
        TypeError: the class needs a closure, or does not know one of ``settings``.
    """
    if signature(cls.step).parameters["closure"].default is Parameter.empty:
        raise TypeError(
            f"{cls.__name__} calls a closure several times in a step, and a step here has one "
            "backward pass; use another torch.optim class, such as Adam"
        )
    usual: dict[str, Any] = {"betas": betas, "capturable": capturable}
    if issubclass(cls, _FUSED) and device.type in _FUSED_ON and "foreach" not in settings:
        usual["fused"] = True
    known = signature(cls).parameters
    chosen = {name: value for name, value in usual.items() if name in known}
    return cls(groups, lr=lr, **chosen | dict(settings))  # type: ignore[call-arg]


def probe(net: nn.Module, device: torch.device, shape: tuple[int, ...], *inputs: Any) -> Any:
    """Return what ``net`` computes for a blank image of ``shape`` [1, C, H, W] and ``inputs``.

    Runs under ``torch.no_grad``, in evaluation mode, without the wrappers of the speed flags. It
    changes neither weights, nor running statistics, nor random states.
    """
    modes = {module: module.training for module in net.modules()}
    with torch.no_grad(), random_states_kept():
        net.eval()
        try:
            features = type(net).forward(net, torch.zeros(shape, device=device), *inputs)
        finally:
            for module, training in modes.items():
                module.training = training
    return features

