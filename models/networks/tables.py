"""Generators and discriminators by the names that ``--netG`` and ``--netD`` take.

The tables name variants of this project's networks. A network in a file of its own needs no entry:
see models/networks/plugin.py.
"""

from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from inspect import signature
from typing import Any, Literal

import torch
from torch import nn

from models.networks.discriminators import NLayerDiscriminator, PixelDiscriminator
from models.networks.former_file import function_in_file, names_in_file
from models.networks.geometry import geometry
from models.networks.layers import INITS, NORMS, init_net, require_known
from models.networks.plugin import Discriminator, Generator
from models.networks.resnet import ResnetGenerator
from models.networks.unet import UnetGenerator
from util.registry import Plugins

NetworkRole = Literal["generator", "discriminator"]

GENERATORS: dict[str, Callable[..., nn.Module]] = {
    "resnet_9blocks": partial(ResnetGenerator, n_blocks=9),
    "resnet_6blocks": partial(ResnetGenerator, n_blocks=6),
    "unet_256": partial(UnetGenerator, num_downs=8),
    "unet_128": partial(UnetGenerator, num_downs=7),
    "encoder_decoder_256": partial(UnetGenerator, num_downs=8, skips=False),
    "encoder_decoder_128": partial(UnetGenerator, num_downs=7, skips=False),
}
DISCRIMINATORS: dict[str, Callable[..., nn.Module]] = {
    "basic": partial(NLayerDiscriminator, n_layers=3),
    "n_layers": NLayerDiscriminator,
    "pixel": PixelDiscriminator,
    # The number is the side of the patch that one logit sees, in pixels (pix2pix, section 6.1.2).
    "patch_1": PixelDiscriminator,
    "patch_16": partial(NLayerDiscriminator, n_layers=1),
    "patch_34": partial(NLayerDiscriminator, n_layers=2),
    "patch_70": partial(NLayerDiscriminator, n_layers=3),
    "patch_142": partial(NLayerDiscriminator, n_layers=4),
    "patch_286": partial(NLayerDiscriminator, n_layers=5),
}
TABLES: dict[NetworkRole, dict[str, Callable[..., nn.Module]]] = {
    "generator": GENERATORS, "discriminator": DISCRIMINATORS,
}
PLUGINS: dict[NetworkRole, Plugins[Any]] = {
    "generator": Plugins("models.networks", "_generator", Generator),
    "discriminator": Plugins("models.networks", "_discriminator", Discriminator),
}
_ARGUMENTS: dict[NetworkRole, str] = {"generator": "netG", "discriminator": "netD"}
# Arguments of the classes in the tables, and their names in models/networks/plugin.py.
_IN_FILES = {"ngf": "width", "ndf": "width", "use_dropout": "dropout"}


def available(role: NetworkRole) -> list[str]:
    """Return all names that ``--netG`` or ``--netD`` takes."""
    own = [*TABLES[role], *PLUGINS[role].available()]
    return [*own, *(name for name in names_in_file(_ARGUMENTS[role]) if name not in own)]


def add_network_flags(
    parser: ArgumentParser, role: NetworkRole, name: str, *, is_train: bool
) -> None:
    """Add the flags that the network's class defines."""
    is_plugin = name in PLUGINS[role].available()
    network = PLUGINS[role].find(name) if is_plugin else TABLES[role].get(name)
    network = getattr(network, "func", network)  # of a partial
    if add_flags := getattr(network, "modify_commandline_options", None):
        add_flags(parser, is_train)


def own_flags(role: NetworkRole, name: str) -> dict[str, Any]:
    """Return the flags that the network's class defines, with their defaults."""
    parser = ArgumentParser(add_help=False)
    add_network_flags(parser, role, name, is_train=True)
    return vars(parser.parse_args([]))


def define_G(
    input_nc: int, output_nc: int, ngf: int, netG: str, norm: str = "batch",
    use_dropout: bool = False, init_type: str = "normal", init_gain: float = 0.02,
    gpu_ids: Sequence[int] | None = (), **flags: Any,
) -> nn.Module:
    """Return a generator with new weights: [N, input_nc, H, W] -> [N, output_nc, H, W] in -1..1.

    ``gpu_ids``: as in ``init_net``. ``flags``: values of the network's own flags.

    Raises:
        ValueError: ``netG`` is neither in the table nor a file.
    """
    build = _builder("generator", netG, norm=norm, init_type=init_type)
    if build is None:
        return function_in_file("define_G")(input_nc, output_nc, ngf, netG, norm, use_dropout,
                                            init_type, init_gain)
    with _explained("generator", netG):
        net = build(input_nc, output_nc, ngf=ngf, norm_layer=norm, use_dropout=use_dropout,
                    **flags)
    return init_net(net, init_type, init_gain, gpu_ids)


def define_D(
    input_nc: int, ndf: int, netD: str, n_layers_D: int = 3, norm: str = "batch",
    init_type: str = "normal", init_gain: float = 0.02, gpu_ids: Sequence[int] | None = (),
    **flags: Any,
) -> nn.Module:
    """Return a discriminator with new weights: [N, input_nc, H, W] -> [N, 1, h, w] logits.

    ``n_layers_D`` is used by the name ``n_layers`` only; the other names fix their size.
    ``gpu_ids``: as in ``init_net``. ``flags``: values of the network's own flags.

    Raises:
        ValueError: ``netD`` is neither in the table nor a file, or ``n_layers_D`` is below 1.
    """
    build = _builder("discriminator", netD, norm=norm, init_type=init_type)
    if build is None:
        return function_in_file("define_D")(input_nc, ndf, netD, n_layers_D, norm, init_type,
                                            init_gain)
    size = {"n_layers": n_layers_D} if netD == "n_layers" else {}
    with _explained("discriminator", netD):
        net = build(input_nc, ndf=ndf, norm_layer=norm, **size, **flags)
    return init_net(net, init_type, init_gain, gpu_ids)


def side_multiple(name: str) -> int:
    """Return the number that must divide both sides of an image for the output to keep its size."""
    return geometry(_without_values(name, **own_flags("generator", name))).multiple


def require_features(name: str, layers: Sequence[int], **flags: Any) -> None:
    """Raise ValueError if the generator does not return the outputs of these positions.

    ``flags``: values of the network's own flags.
    """
    net = _without_values(name, **flags)
    if "layers" not in signature(type(net).forward).parameters:
        raise ValueError(f"--netG {name} does not return features: its forward has no parameter "
                         "layers; use --netG resnet_9blocks, or --lambda_NCE 0")
    positions = len(getattr(net, "model", range(2**31)))
    if max(layers) >= positions:
        raise ValueError(f"--nce_layers {','.join(map(str, layers))}: --netG {name} has the "
                         f"positions 0 to {positions - 1}; choose from these")


def _without_values(name: str, **flags: Any) -> nn.Module:
    """Return a generator whose tensors have no values."""
    known = name in TABLES["generator"] or name in PLUGINS["generator"].available()
    # A networks.py of the user may move the network to a device.
    with torch.random.fork_rng(devices=[]), torch.device("meta" if known else "cpu"):
        return define_G(1, 1, 1, name, "instance", **flags)


def _builder(
    role: NetworkRole, name: str, *, norm: str = "instance", init_type: str = "normal"
) -> Callable[..., nn.Module] | None:
    """Return the constructor called ``name``, after a check of all three names.

    It takes the arguments of the classes in the tables, whose names are those of the reference. A
    class in a file of its own gets them by its own names: see models/networks/plugin.py. The result
    is None if only a ``networks.py`` of the user has the network.
    """
    file = f"models/networks/{name}_{role}.py"
    require_known(role, name, available(role), otherwise=f", or write {file}")
    require_known("norm", norm, NORMS)
    require_known("init_type", init_type, INITS)
    if name in TABLES[role]:
        return TABLES[role][name]
    if name not in PLUGINS[role].available():
        return None
    return partial(_from_file, PLUGINS[role].find(name))


def _from_file(
    network: Callable[..., nn.Module], *channels: int, norm_layer: str, **arguments: Any
) -> nn.Module:
    """Return ``network(...)`` with the names of arguments that its constructor has."""
    if {"ngf", "ndf"} & signature(network).parameters.keys():
        return network(*channels, norm_layer=NORMS[norm_layer], **arguments)
    named = {_IN_FILES.get(key, key): value for key, value in arguments.items()}
    return network(*channels, norm=norm_layer, **named)


@contextmanager
def _explained(role: NetworkRole, name: str) -> Iterator[None]:
    """Raise ValueError if the constructor in a file of its own does not take the arguments."""
    try:
        yield
    except TypeError as error:
        if name in TABLES[role]:
            raise
        raise ValueError(f"models/networks/{name}_{role}.py: {error}; the arguments are described "
                         "in models/networks/plugin.py") from error
