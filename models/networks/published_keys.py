"""Our tensors <-> the names in the published files (``<epoch>_net_<name>.pth``).

ResNets and discriminators carry the published names themselves. The published U-Net is nested,
each level inside the one above (``model.model.1.model.3.model...``); ours is flat, and its names
are translated here. Any other network keeps its own names.
"""

from collections import OrderedDict
from collections.abc import Mapping

from torch import Tensor, nn

from models.networks.recognise import Shapes, recognise
from models.networks.unet import UnetGenerator

_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
_SHOWN = 3  # tensors named in an error, of each kind


def to_published(net: nn.Module) -> "OrderedDict[str, Tensor]":
    """The weights of a bare network (unwrapped from DDP) by published name, in published order.

    The tensors share memory with the network: copy or save them before the next step.
    """
    names = _published_modules(net)
    return OrderedDict((_rename(key, names), value) for key, value in net.state_dict().items())


def load_published(net: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Copy published weights into a bare network, all of them or (on an error) none.

    Accepted: a leading ``module.`` (DataParallel), the InstanceNorm statistics of files from
    before PyTorch 0.4, and batch norms without ``num_batches_tracked`` (before 0.4.1).

    Raises:
        ValueError: the tensors are not those of this network. ``source`` names the file.
    """
    _check_is_weights(state, source)
    wanted = to_published(net)
    found = _without_instance_statistics(net, _unwrapped(state, wanted))
    counters = {key: value for key, value in wanted.items() if key.endswith("num_batches_tracked")}
    found = {**counters, **found}
    if _shapes(found) != _shapes(wanted):
        raise ValueError(_describe_mismatch(_shapes(found), _shapes(wanted), source))
    names = {published: own for own, published in _published_modules(net).items()}
    net.load_state_dict({_rename(key, names): value for key, value in found.items()})


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
    if isinstance(state, Mapping) and all(isinstance(value, Tensor) for value in state.values()):
        return
    raise ValueError(
        f"{source} does not hold the weights of one network: wanted a dict from names to tensors, "
        f"found {_kind(state)}; give a <epoch>_net_<name>.pth file"
    )


def _kind(state: object) -> str:
    if not isinstance(state, Mapping):
        return type(state).__name__
    strangers = {key: value for key, value in state.items() if not isinstance(value, Tensor)}
    return ", ".join(f"{key!r}: {type(strangers[key]).__name__}" for key in [*strangers][:_SHOWN])


def _unwrapped(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    wrapped = all(key.startswith("module.") for key in state)
    if wrapped and not all(key.startswith("module.") for key in wanted):
        return {key.removeprefix("module."): value for key, value in state.items()}
    return dict(state)


def _without_instance_statistics(net: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Before PyTorch 0.4 InstanceNorm kept statistics, which nothing read."""
    published = _published_modules(net)
    dropped = {
        f"{published.get(name, name)}.{statistic}"
        for name, module in net.named_modules()
        if isinstance(module, nn.InstanceNorm2d) and not module.track_running_stats
        for statistic in _STATISTICS
    }
    return {key: value for key, value in state.items() if key not in dropped}


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in state.items()}


def _describe_mismatch(found: Shapes, wanted: Shapes, source: str) -> str:
    missing = [key for key in wanted if key not in found]
    unknown = [key for key in found if key not in wanted]
    misshapen = [
        f"{key} {_size(found[key])} instead of {_size(wanted[key])}"
        for key in wanted
        if key in found and found[key] != wanted[key]
    ]
    lists = {"missing": missing, "not wanted": unknown, "other shapes": misshapen}
    details = "; ".join(f"{what}: {_some(keys)}" for what, keys in lists.items() if keys)
    file_flags, net_flags = recognise(found), recognise(wanted)
    return (
        f"{source} does not fit this network. Found {_flags(file_flags) or 'unknown names'}; "
        f"wanted {_flags(net_flags) or 'other names'}. {_way_out(file_flags, net_flags)} "
        f"({len(found)} tensors in the file, {len(wanted)} in the network; {details})"
    )


def _way_out(file_flags: dict[str, str], net_flags: dict[str, str]) -> str:
    differing = dict(file_flags.items() - net_flags.items())
    if "--netD" in file_flags and "--netG" in net_flags:
        return "The file holds a discriminator, the network is a generator: choose another file."
    if "--netG" in file_flags and "--netD" in net_flags:
        return "The file holds a generator, the network is a discriminator: choose another file."
    if not differing or not net_flags:
        return "Use the network flags it was trained with; train_opt.txt beside it lists them."
    in_order = {flag: file_flags[flag] for flag in file_flags if flag in differing}
    return f"Likely cure: {_flags(in_order)}."


def _flags(flags: Mapping[str, str]) -> str:
    return " ".join(f"{flag} {value}".strip() for flag, value in flags.items())


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(keys[:_SHOWN]) + more


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"
