"""Settings of a model's networks, its optimizers, and a forward pass without side effects."""

from argparse import Namespace
from collections.abc import Iterable, Mapping
from inspect import Parameter, signature
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from models.networks import NetworkRole, own_flags
from util.random_states import random_states_kept

_FUSED_ON = ("cpu", "cuda", "mps")  # devices that can update all weights in one kernel
_FUSED = (Adam, AdamW, SGD)  # optimizers that can do so on all of these devices


def network_settings(opt: Namespace, role: NetworkRole, name: str) -> dict[str, Any]:
    """Return the values of the flags of all networks, and of those in the network's own file.

    A model may have a flag --normD.
    """
    flags = ("norm", "init_type", "init_gain", *own_flags(role, name))
    settings = {flag: getattr(opt, flag) for flag in flags}
    if role == "discriminator" and getattr(opt, "normD", None):
        settings["norm"] = opt.normD
    return settings


def as_groups(parameters: Iterable[Any]) -> list[dict[str, Any]]:
    """Convert an iterable of parameters, or of torch.optim's groups, to a list of groups."""
    entries = list(parameters)
    if entries and isinstance(entries[0], dict):
        return [{**group, "params": list(group["params"])} for group in entries]
    return [{"params": entries}]


def build_optimizer(
    cls: type[Optimizer], groups: list[dict[str, Any]], *, lr: float, betas: tuple[float, float],
    device: torch.device, capturable: bool, settings: Mapping[str, Any],
) -> Optimizer:
    """Return ``cls(groups, lr=lr, **settings)``, with defaults for what the class accepts.

    Args:
        betas: default for classes that have moments; ``settings`` has priority.
        capturable: whether steps are recorded as a CUDA graph.

    Raises:
        TypeError: the class needs a closure, or does not accept one of ``settings``.
    """
    if signature(cls.step).parameters["closure"].default is Parameter.empty:
        raise TypeError(f"{cls.__name__} calls a closure several times in a step, but a step here "
                        "has one backward pass; use another torch.optim class, such as Adam")
    defaults: dict[str, Any] = {"betas": betas, "capturable": capturable}
    if issubclass(cls, _FUSED) and device.type in _FUSED_ON and "foreach" not in settings:
        defaults["fused"] = True
    accepted = signature(cls).parameters
    defaults = {name: value for name, value in defaults.items() if name in accepted}
    return cls(groups, lr=lr, **defaults | dict(settings))  # type: ignore[call-arg]


def run_alone(net: nn.Module, *inputs: Any) -> Any:
    """Return ``net(*inputs)`` without any side effect: weights, statistics, random states.

    Runs under ``torch.no_grad``, in evaluation mode, without the wrappers of the speed flags.
    """
    modes = {module: module.training for module in net.modules()}
    with torch.no_grad(), random_states_kept():
        net.eval()
        try:
            return type(net).forward(net, *inputs)
        finally:
            for module, training in modes.items():
                module.training = training
