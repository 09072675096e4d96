"""Our tensors <-> the names in the published files (``<epoch>_net_<name>.pth``).

ResNets and discriminators carry the published names themselves. The published U-Net is nested,
each level inside the one above (``model.model.1.model.3.model...``); ours is flat, and its names
are translated here. Any other network keeps its own names.
"""

from collections import OrderedDict
from collections.abc import Mapping

from torch import Tensor, nn

from models.networks.unet import UnetGenerator
from models.weights.infer_flags import Shapes
from models.weights.mismatch import SHOWN, describe_mismatch

_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
_WRAPPERS = ("module.", "_orig_mod.")  # DataParallel, torch.compile


def to_published(
    net: nn.Module, state: Mapping[str, Tensor] | None = None
) -> "OrderedDict[str, Tensor]":
    """The weights of a bare network (unwrapped from DDP) by published name, in published order.

    ``state``: other tensors than its own, by the names of its ``state_dict``. The tensors share
    memory with the network, or with these: copy or save them before the next step.
    """
    names = _published_modules(net)
    state = net.state_dict() if state is None else state
    return OrderedDict((_rename(key, names), value) for key, value in state.items())


def load_published(net: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Copy published weights into a bare network, all of them or (on an error) none.

    Accepted: a leading ``module.`` (DataParallel) or ``_orig_mod.`` (torch.compile), the
    InstanceNorm statistics of files from before PyTorch 0.4, and batch norms without
    ``num_batches_tracked`` (before 0.4.1).

    Raises:
        ValueError: the tensors are not those of this network. ``source`` names the file.
    """
    _check_is_weights(state, source)
    wanted = to_published(net)
    found = _without_instance_statistics(net, _unwrapped(state, wanted))
    counters = {key: value for key, value in wanted.items() if key.endswith("num_batches_tracked")}
    found = {**counters, **found}
    if _shapes(found) != _shapes(wanted):
        raise ValueError(describe_mismatch(_shapes(found), _shapes(wanted), source))
    names = {published: own for own, published in _published_modules(net).items()}
    net.load_state_dict({_rename(key, names): value for key, value in found.items()})


def load_matching(net: nn.Module, state: Mapping[str, Tensor], source: str) -> list[str]:
    """Copy what fits by published name and shape; return a line for each tensor that does not.

    Raises:
        ValueError: the file holds no weights at all.
    """
    _check_is_weights(state, source)
    wanted = to_published(net)
    found = _without_instance_statistics(net, _unwrapped(state, wanted))
    left_out = [f"{key}: not in this network" for key in found if key not in wanted]
    names = {published: own for own, published in _published_modules(net).items()}
    fitting = {}
    for key, value in wanted.items():
        if key not in found:
            left_out.append(f"{key}: not in the file")
        elif found[key].shape != value.shape:
            shapes = f"{list(found[key].shape)} in the file, {list(value.shape)} wanted"
            left_out.append(f"{key}: {shapes}")
        else:
            fitting[_rename(key, names)] = found[key]
    net.load_state_dict(fitting, strict=False)
    return left_out


def _published_modules(net: nn.Module) -> dict[str, str]:
    """Our module name -> published module name, for the modules where they differ."""
    if not isinstance(net, UnetGenerator):
        return {}
    names = {}
    depth = len(net.encoder)
    prefix = "model.model"
    for level in range(depth):
        outermost, innermost = level == 0, level == depth - 1
        down, up = f"encoder.{level}", f"decoder.{depth - 1 - level}"
        up_position = 3 if outermost or innermost else 5
        names[f"{down}.conv"] = f"{prefix}.{0 if outermost else 1}"
        names[f"{down}.norm"] = f"{prefix}.2"
        names[f"{up}.conv"] = f"{prefix}.{up_position}"
        names[f"{up}.norm"] = f"{prefix}.{up_position + 1}"
        prefix += ".1.model" if outermost else ".3.model"
    return names


def _rename(key: str, names: Mapping[str, str]) -> str:
    module, dot, tensor = key.rpartition(".")
    return names.get(module, module) + dot + tensor


def _check_is_weights(state: object, source: str) -> None:
    if isinstance(state, Mapping) and all(_is_named_tensor(*entry) for entry in state.items()):
        return
    raise ValueError(
        f"{source} does not hold the weights of one network: wanted a dict from names to tensors, "
        f"found {_kind(state)}; give a <epoch>_net_<name>.pth file"
    )


def _is_named_tensor(key: object, value: object) -> bool:
    return isinstance(key, str) and isinstance(value, Tensor)


def _kind(state: object) -> str:
    if not isinstance(state, Mapping):
        return type(state).__name__
    strangers = [entry for entry in state.items() if not _is_named_tensor(*entry)]
    return ", ".join(f"{key!r}: {type(value).__name__}" for key, value in strangers[:SHOWN])


def _unwrapped(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    for wrapper in _WRAPPERS * 2:  # either may be inside the other
        wrapped = all(key.startswith(wrapper) for key in state)
        if wrapped and not all(key.startswith(wrapper) for key in wanted):
            state = {key.removeprefix(wrapper): value for key, value in state.items()}
    return state


def _without_instance_statistics(
    net: nn.Module, state: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Before PyTorch 0.4 InstanceNorm kept statistics, which nothing read."""
    published = _published_modules(net)
    dropped = {
        f"{published.get(name, name)}.{statistic}"
        for name, module in net.named_modules()
        if isinstance(module, nn.InstanceNorm2d) and not module.track_running_stats
        for statistic in _STATISTICS
    }
    return {key: value for key, value in state.items() if key not in dropped}


def _shapes(state: Mapping[str, Tensor]) -> Shapes:
    return {key: tuple(value.shape) for key, value in state.items()}
