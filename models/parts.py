"""What a model is made of, as plain dicts: all of it for a resume, or what one bad step spoils."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch.optim import Optimizer

from models.execution.speed import put_rates, rates
from models.weights import network_files
from models.weights.mismatch import describe_mismatch

# What Adam's groups say about the kernel that is used.
_KERNEL = {"fused", "foreach", "capturable"}

if TYPE_CHECKING:
    from models.base_model import BaseModel


def state_dict(model: "BaseModel") -> dict[str, Any]:
    """Networks, their averages, optimizers, image buffers, the plateau policy."""
    return {
        "networks": {name: net.state_dict() for name, net in model.networks.items()},
        "optimizers": {name: _optimizer_state(opt) for name, opt in model.optimizers.items()},
        "pools": {name: pool.state_dict() for name, pool in model.pools.items()},
        "plateau": model.plateau.state_dict() if model.plateau else None,
        "scalers": {name: scaler.state_dict() for name, scaler in model.scalers.items()},
        "averages": model.averages.state_dict() if model.averages else None,
    }


def load_state_dict(model: "BaseModel", state: Mapping[str, Any]) -> None:
    """Put back what ``state_dict`` took.

    Raises:
        ValueError: the state is that of another model, or of networks of other sizes.
    """
    network_files.require_same_parts(state["networks"], model.networks, "networks")
    network_files.require_same_parts(state["optimizers"], model.optimizers, "optimizers")
    for name, net in model.networks.items():
        found = {key: tuple(value.shape) for key, value in state["networks"][name].items()}
        wanted = {key: tuple(value.shape) for key, value in net.state_dict().items()}
        if found != wanted:
            raise ValueError(describe_mismatch(found, wanted, f"{name} in latest_state.pth"))
        net.load_state_dict(state["networks"][name])
    for name, optimizer in model.optimizers.items():
        _load_optimizer(optimizer, state["optimizers"][name])
    for name, pool in model.pools.items():
        pool.load_state_dict(state["pools"][name], model.device)
    if model.plateau and state["plateau"]:
        model.plateau.load_state_dict(state["plateau"], model.device)
    for name, saved in state.get("scalers", {}).items():
        scaler = model.scalers[name] = model.speed.make_scaler(model.device)
        if scaler.is_enabled() and saved:  # --precision may be another one now
            scaler.load_state_dict(saved)
    if model.averages and state.get("averages"):  # else --ema is new, and begins here
        model.averages.load_state_dict(state["averages"])


def _optimizer_state(optimizer: Optimizer) -> dict[str, Any]:
    """Its own, with rates as numbers wherever they lie."""
    state = optimizer.state_dict()
    groups = [group | {"lr": float(group["lr"])} for group in state["param_groups"]]
    return state | {"param_groups": groups}


def _load_optimizer(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Moments and settings of the run; which kernel, and where in memory, as it is now."""
    places = rates(optimizer)
    groups = [
        saved | {key: own[key] for key in _KERNEL & own.keys()}
        for saved, own in zip(state["param_groups"], optimizer.param_groups, strict=True)
    ]
    optimizer.load_state_dict(state | {"param_groups": groups})
    put_rates(optimizer, places)
    for weight, values in optimizer.state.items():
        for key, value in values.items():
            if value.shape == weight.shape and value.stride() != weight.stride():
                values[key] = torch.empty_like(weight).copy_(value)  # channels_last, or no longer


def fragile_state(model: "BaseModel") -> dict[str, Any]:
    """What a step changes besides weights: statistics, pools, the plateau's sum, losses."""
    return {
        "buffers": [b.clone() for net in model.networks.values() for b in net.buffers()],
        "pools": [pool.state_dict() for pool in model.pools.values()],
        "plateau": model.plateau.state_dict() if model.plateau else None,
        "losses": model.losses,
    }


def load_fragile_state(model: "BaseModel", state: Mapping[str, Any]) -> None:
    """Put back what ``fragile_state`` took."""
    model.losses = state["losses"]
    own = [b for net in model.networks.values() for b in net.buffers()]
    for buffer, saved in zip(own, state["buffers"], strict=True):
        buffer.copy_(saved)
    for pool, saved in zip(model.pools.values(), state["pools"], strict=True):
        pool.load_state_dict(saved, model.device)
    if model.plateau and state["plateau"]:
        model.plateau.load_state_dict(state["plateau"], model.device)
