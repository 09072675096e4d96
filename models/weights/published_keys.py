"""Save and load weights by the names in the published files (``<epoch>_net_<name>.pth``).

Our networks have the published names. The U-Nets of earlier versions had others, in
``latest_state.pth`` only. Any other network keeps its own names.
"""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from models.networks.unet import DownBlock, UpBlock
from models.weights.mismatch import SHOWN, require_same_shapes
from util.checkpoint import newest_other
from util.disk.tensor_values import defect_of, is_finite

_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
_WRAPPERS = ("module.", "_orig_mod.")  # DataParallel, torch.compile


def to_published(
    net: nn.Module, state: Mapping[str, Tensor] | None = None
) -> "OrderedDict[str, Tensor]":
    """Return the weights of a bare network (without DDP) by published name, in published order.

    ``state``: tensors to return instead of the network's own.
    The result shares memory with the network or with ``state``: copy or save it before the next
    step.
    """
    return OrderedDict(net.state_dict() if state is None else state)


def load_published(net: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Copy published weights into a bare network: all of them, or none if there is an error.

    Accepted: a leading ``module.`` (DataParallel) or ``_orig_mod.`` (torch.compile), the
    InstanceNorm statistics of files from before PyTorch 0.4, and batch norms without
    ``num_batches_tracked`` (before 0.4.1), or with one that half precision cannot hold.

    Raises:
        ValueError: the tensors belong to another network, or hold NaN or infinity, or are of a type
            that does not keep the values of weights. ``source`` names the file.
    """
    wanted = to_published(net)
    found = _published_tensors(net, state, source)
    counters = {key: value for key, value in wanted.items() if key.endswith("num_batches_tracked")}
    found = {**counters, **_without_lost_counts(found, counters)}
    require_same_shapes(found, wanted, source)
    require_usable(found, wanted, source)
    net.load_state_dict(found)


def load_matching(net: nn.Module, state: Mapping[str, Tensor], source: str) -> list[str]:
    """Copy the tensors that fit by published name and shape; return a line for each other one.

    Raises:
        ValueError: ``state`` is not a dict of tensors, or a tensor that fits holds NaN or infinity,
            or is of a type that does not keep the values of weights.
    """
    wanted = to_published(net)
    found = _published_tensors(net, state, source)
    left_out = [f"{key}: not in this network" for key in found if key not in wanted]
    fitting: dict[str, Tensor] = {}
    for key, value in wanted.items():
        if key not in found:
            left_out.append(f"{key}: not in the file")
        elif found[key].shape != value.shape:
            shapes = f"{list(found[key].shape)} in the file, {list(value.shape)} wanted"
            left_out.append(f"{key}: {shapes}")
        else:
            fitting[key] = found[key]
    require_usable(fitting, wanted, source)
    net.load_state_dict(fitting, strict=False)
    return left_out


def require_usable(
    found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], source: str
) -> None:
    """Raise ValueError if a tensor in the file ``source`` has no finite values of its kind.

    Each tensor is read once: 0.05 s for 200 MB.
    """
    defects = [f"{key} {defect}" for key, tensor in found.items()
               if not wanted[key].is_meta and (defect := defect_of(tensor, wanted[key].dtype))]
    if defects:
        more = f" (and {len(defects) - 1} more tensors)" if len(defects) > 1 else ""
        raise ValueError(f"{source} cannot be used: {defects[0]}{more}; wanted finite numbers in "
                         f"floating point of 16 to 64 bits; {newest_other(Path(source))}")


def _without_lost_counts(
    found: Mapping[str, Tensor], counters: Collection[str]
) -> dict[str, Tensor]:
    """Leave out counters of batches above 65504, which are infinite in half precision."""
    return {key: value for key, value in found.items()
            if not (key in counters and value.is_floating_point() and not is_finite(value))}


def with_published_names(networks: Mapping[str, nn.Module], state: Any) -> Any:
    """Return the weights of each network by published name, from a state of any earlier version.

    Anything that is not in the form of such a state is returned as it is.
    """
    if not isinstance(state, Mapping):
        return state
    renamed = {}
    for name, net in networks.items():
        if isinstance(tensors := state.get(name), Mapping) and (names := _former_modules(net)):
            renamed[name] = {_rename(key, names): value for key, value in tensors.items()}
    return {**state, **renamed}


def _former_modules(net: nn.Module) -> dict[str, str]:
    """Return former name -> published name for the layers of U-Nets."""
    places = {module: name for name, module in net.named_modules()}
    return {f"{places[block]}.{part}": places[layer]
            for block in places if isinstance(block, DownBlock | UpBlock)
            for part, layer in (("conv", block.conv), ("norm", block.norm)) if layer in places}


def _rename(key: Any, names: Mapping[str, str]) -> Any:
    if not isinstance(key, str):
        return key
    module, dot, tensor = key.rpartition(".")
    return names.get(module, module) + dot + tensor


def _published_tensors(
    net: nn.Module, state: Mapping[str, Tensor], source: str
) -> dict[str, Tensor]:
    """Return the tensors of a file without prefixes of wrappers and without unused statistics.

    InstanceNorm had statistics before PyTorch 0.4; they were never used.
    """
    if not isinstance(state, Mapping) or _other_entries(state):
        raise ValueError(f"{source} does not hold the weights of one network: wanted a dict from "
                         f"names to tensors, found {_description(state)}; give a "
                         "<epoch>_net_<name>.pth file")
    own_keys = to_published(net).keys()
    for wrapper in _WRAPPERS * 2:  # either may be inside the other
        wrapped = all(key.startswith(wrapper) for key in state)
        if wrapped and not all(key.startswith(wrapper) for key in own_keys):
            state = {key.removeprefix(wrapper): value for key, value in state.items()}
    unused = {f"{name}.{statistic}"
              for name, module in net.named_modules()
              if isinstance(module, nn.InstanceNorm2d) and not module.track_running_stats
              for statistic in _STATISTICS}
    return {key: value for key, value in state.items() if key not in unused}


def _other_entries(state: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """Return the entries that are not a tensor with a name."""
    return [(key, value) for key, value in state.items()
            if not (isinstance(key, str) and isinstance(value, Tensor))]


def _description(state: object) -> str:
    if not isinstance(state, Mapping):
        return type(state).__name__
    entries = _other_entries(state)[:SHOWN]
    return ", ".join(f"{key!r}: {type(value).__name__}" for key, value in entries)
