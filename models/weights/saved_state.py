"""Check the saved state of a model's parts before it is restored (``latest_state.pth``)."""

import math
from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from models.weights.mismatch import require_same_shapes
from models.weights.network_files import require_same_parts
from util.disk.state_check import (
    StateError,
    describe,
    require_count,
    require_entries,
    require_like,
    require_list,
    require_number,
    unlike,
)
from util.disk.tensor_values import defect_of
from util.random_states import require_python_state

# Settings in an optimizer's groups that select a kernel. They are not restored on resume.
KERNEL = {"fused", "foreach", "capturable"}
Plain = Mapping[str, Any]


def require_fitting_state(state: Any, own: Plain, optimizers: Mapping[str, Optimizer]) -> None:
    """Compare a saved state with the ``own`` one of the model that it shall be restored to.

    Raises:
        StateError: a part is missing, or has another form than this program writes.
        ValueError: the state belongs to another model, or to networks of other sizes.
    """
    require_entries(state, ("networks", "optimizers", "pools", "plateau"), "model")
    for part in ("networks", "optimizers", "pools"):
        require_entries(state[part], (), f"model.{part}")
        if own[part] and not state[part]:
            raise unlike(state[part], describe(own[part]), f"model.{part}")
    require_same_parts(state["networks"], own["networks"], "networks")
    require_same_parts(state["optimizers"], own["optimizers"], "optimizers")
    for name, wanted in own["networks"].items():
        saved = state["networks"][name]
        _require_weights(saved, wanted, f"model.networks.{name}", name)
    for name, optimizer in optimizers.items():
        _require_optimizer(state["optimizers"][name], own["optimizers"][name], optimizer,
                           f"model.optimizers.{name}")
    require_pools(state["pools"], own["pools"], "model.pools")
    if own["plateau"] and state["plateau"] is not None:
        # At the start of a run the best value is infinite.
        schedulers = [scheduler | {"best": math.inf} for scheduler in own["plateau"]["schedulers"]]
        require_like(state["plateau"], own["plateau"] | {"schedulers": schedulers}, "model.plateau")
    _require_scalers(state.get("scalers", {}), own["scalers"], "model.scalers")
    if own["averages"] and state.get("averages") is not None:
        _require_averages(state["averages"], own["averages"], "model.averages")


def require_pools(pools: Any, own: Plain, place: str) -> None:
    """Raise StateError if an image pool holds other things than images of one kind."""
    require_entries(pools, own, place)
    for name in own:
        here = f"{place}.{name}"
        require_entries(pools[name], ("images", "random"), here)
        require_list(images := pools[name]["images"], f"{here}.images")
        for index, image in enumerate(images):
            is_image = isinstance(image, Tensor) and not image.is_nested and image.ndim == 3
            if not is_image or not image.is_floating_point() or len(image) != len(images[0]):
                raise unlike(image, "an image [C, H, W] with as many channels as the first",
                             f"{here}.images.{index}")
            if defect := defect_of(image, torch.float32):
                raise StateError(f"{here}.images.{index} {defect}")
        require_python_state(pools[name]["random"], f"{here}.random")


def _require_weights(saved: Any, wanted: Mapping[str, Tensor], place: str, name: str) -> None:
    if not isinstance(saved, Mapping) or (wanted and not saved):
        raise unlike(saved, describe(wanted), place)
    for key, value in saved.items():
        if not isinstance(value, Tensor):
            raise unlike(value, "a tensor", f"{place}.{key}")
    require_same_shapes(saved, wanted, f"{name} in latest_state.pth")
    require_like(saved, wanted, place)


def _require_optimizer(saved: Any, own: Plain, optimizer: Optimizer, place: str) -> None:
    require_like(saved, {"state": {}, "param_groups": [{} for _ in own["param_groups"]]}, place)
    groups = zip(saved["param_groups"], own["param_groups"], strict=True)
    for index, (group, wanted) in enumerate(groups):
        here = f"{place}.param_groups.{index}"
        require_like(group, {"params": wanted["params"]}, here)
        if group["params"] != wanted["params"]:
            raise unlike(group["params"], "the numbers of the weights of this run",
                         f"{here}.params")
        settings = {key: float(value) if type(value) is int else value
                    for key, value in wanted.items() if key in group and key not in KERNEL}
        require_like(group, settings, here)
        require_number(group.get("lr", 0.0), f"{here}.lr")
    after_step = _after_a_step(optimizer, saved["param_groups"], f"{place}.param_groups")
    weights = {index for group in own["param_groups"] for index in group["params"]}
    for index, values in saved["state"].items():
        here = f"{place}.state.{describe(index)}"
        if index not in weights:
            raise StateError(f"{here} belongs to no weight; this run has {len(weights)}")
        require_like(values, after_step.get(index, {}), here)
    count = saved.get("weights_with_state", len(saved["state"]))  # missing in older files
    require_count(count, f"{place}.weights_with_state")
    if count != len(saved["state"]):
        raise StateError(f"{place}.state has {len(saved['state'])} weights, wanted "
                         f"{count}")


def _after_a_step(optimizer: Optimizer, saved: Sequence[Plain], place: str) -> dict[int, Any]:
    """Return the form of the optimizer's state after one step, computed without values.

    It is {} for a class that cannot be computed in this way.

    Raises:
        StateError: the class does not accept the saved settings.
    """
    groups = []
    for own, group in zip(optimizer.param_groups, saved, strict=True):
        weights = [torch.empty_like(weight, device="meta") for weight in own["params"]]
        for weight in weights:
            weight.requires_grad_().grad = torch.empty_like(weight)
        kernel = {key: False for key in KERNEL & own.keys()}
        groups.append({**own, **group, **kernel, "lr": float(group.get("lr", 1.0)),
                       "params": weights})
    accepted = signature(type(optimizer)).parameters.keys() - {"params"}
    try:
        for group in groups:
            settings = {key: value for key, value in group.items() if key in accepted}
            blank = type(optimizer)(groups, **settings)
        blank.step()
        return dict(blank.state_dict()["state"])
    except ValueError as error:
        raise StateError(f"{place}: {error}") from error
    except Exception:  # a class of the user can raise anything
        return {}


def _require_scalers(saved: Any, own: Plain, place: str) -> None:
    require_entries(saved, (), place)
    for name, values in saved.items():
        require_entries(values, (), f"{place}.{name}")
        if name not in own:
            raise StateError(f"{place}.{name} belongs to no optimizer; there are {', '.join(own)}")
        require_entries(values, own[name] if values else (), f"{place}.{name}")
        for key, value in values.items():
            require_number(value, f"{place}.{name}.{key}")


def _require_averages(saved: Any, own: Plain, place: str) -> None:
    require_entries(saved, ("steps", "weights"), place)
    require_count(saved["steps"], f"{place}.steps")
    require_entries(saved["weights"], own["weights"], f"{place}.weights")
    for name, wanted in own["weights"].items():
        _require_weights(saved["weights"][name], wanted, f"{place}.weights.{name}",
                         f"the average of {name}")
