"""Generators and discriminators by the names that ``--netG`` and ``--netD`` take.

The tables name variants of this project's networks. A network in a file of its own needs no entry:
see models/networks/plugin.py.
"""

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, TypeVar

import torch
from torch import nn

from models.networks.discriminators import PatchDiscriminator, PixelDiscriminator
from models.networks.geometry import geometry
from models.networks.layers import INITS, NORMS, init_weights
from models.networks.plugin import Discriminator, Generator
from models.networks.resnet import ResnetGenerator
from models.networks.unet import UnetGenerator
from util.registry import Plugins

__all__ = [
    "DISCRIMINATORS",
    "GENERATORS",
    "INITS",
    "NORMS",
    "add_network_flags",
    "available",
    "define_D",
    "define_G",
    "init_weights",
    "own_flags",
    "side_multiple",
]

T = TypeVar("T")
Kind = Literal["generator", "discriminator"]

GENERATORS: dict[str, Callable[..., nn.Module]] = {
    "resnet_9blocks": partial(ResnetGenerator, blocks=9),
    "resnet_6blocks": partial(ResnetGenerator, blocks=6),
    "unet_256": partial(UnetGenerator, depth=8),
    "unet_128": partial(UnetGenerator, depth=7),
    "encoder_decoder_256": partial(UnetGenerator, depth=8, skips=False),
    "encoder_decoder_128": partial(UnetGenerator, depth=7, skips=False),
}

DISCRIMINATORS: dict[str, Callable[..., nn.Module]] = {
    "basic": partial(PatchDiscriminator, layers=3),
    "n_layers": PatchDiscriminator,
    "pixel": PixelDiscriminator,
    # By the side of the patch that one logit sees, in pixels (pix2pix, section 6.1.2).
    "patch_1": PixelDiscriminator,
    "patch_16": partial(PatchDiscriminator, layers=1),
    "patch_34": partial(PatchDiscriminator, layers=2),
    "patch_70": partial(PatchDiscriminator, layers=3),
    "patch_142": partial(PatchDiscriminator, layers=4),
    "patch_286": partial(PatchDiscriminator, layers=5),
}


TABLES: dict[Kind, dict[str, Callable[..., nn.Module]]] = {
    "generator": GENERATORS, "discriminator": DISCRIMINATORS,
}
PLUGINS: dict[Kind, Plugins[Any]] = {
    "generator": Plugins("models.networks", "_generator", Generator),
    "discriminator": Plugins("models.networks", "_discriminator", Discriminator),
}


def available(kind: Kind) -> list[str]:
    """Return all names that ``--netG`` or ``--netD`` takes."""
    return [*TABLES[kind], *PLUGINS[kind].available()]


def add_network_flags(parser: ArgumentParser, kind: Kind, name: str, *, is_train: bool) -> None:
    """Add the flags that the network's own file defines; the networks of the tables have none."""
    if name in PLUGINS[kind].available():
        PLUGINS[kind].find(name).modify_commandline_options(parser, is_train)


def own_flags(kind: Kind, name: str) -> dict[str, Any]:
    """Return the flags that the network's own file defines, with their defaults."""
    parser = ArgumentParser(add_help=False)
    add_network_flags(parser, kind, name, is_train=True)
    return vars(parser.parse_args([]))


def define_G(
    name: str,
    *,
    in_channels: int,
    out_channels: int,
    width: int,
    norm: str = "instance",
    dropout: bool = False,
    init_type: str = "normal",
    init_gain: float = 0.02,
    **flags: Any,
) -> nn.Module:
    """Return a generator with new weights on the CPU: [N, in, H, W] -> [N, out, H, W] in -1..1.

    ``flags``: values of the network's own flags.

    Raises:
        ValueError: a name that is neither in its table nor a file.
    """
    build = _builder("generator", name)
    _pick(NORMS, norm, "norm")
    _pick(INITS, init_type, "init_type")
    net = build(in_channels, out_channels, width=width, norm=norm, dropout=dropout, **flags)
    init_weights(net, init_type, init_gain)
    return net


def define_D(
    name: str,
    *,
    in_channels: int,
    width: int,
    n_layers: int = 3,
    norm: str = "instance",
    init_type: str = "normal",
    init_gain: float = 0.02,
    **flags: Any,
) -> nn.Module:
    """Return a discriminator with new weights on the CPU: [N, in, H, W] -> [N, 1, h, w] logits.

    ``n_layers`` is used by the name ``n_layers`` only; the other names fix their size. ``flags``:
    values of the network's own flags.

    Raises:
        ValueError: a name that is neither in its table nor a file, or ``n_layers`` below 1.
    """
    build = _builder("discriminator", name)
    _pick(NORMS, norm, "norm")
    _pick(INITS, init_type, "init_type")
    size = {"layers": n_layers} if name == "n_layers" else {}
    net = build(in_channels, width=width, norm=norm, **size, **flags)
    init_weights(net, init_type, init_gain)
    return net


def side_multiple(name: str) -> int:
    """Return what both sides of an image must be divisible by, to keep their size."""
    build = _builder("generator", name)
    with torch.device("meta"):
        net = build(1, 1, width=1, norm="instance", dropout=False, **own_flags("generator", name))
        return geometry(net).multiple


def _builder(kind: Kind, name: str) -> Callable[..., nn.Module]:
    if name in TABLES[kind]:
        return TABLES[kind][name]
    names = available(kind)
    if name not in names:
        raise ValueError(
            f"no {kind} is called {name!r}; choose from {', '.join(names)}, or write "
            f"models/networks/{name}_{kind}.py"
        )
    return PLUGINS[kind].find(name)


def _pick(table: Mapping[str, T], name: str, what: str) -> T:
    if name not in table:
        raise ValueError(f"no {what} is called {name!r}; choose from {', '.join(table)}")
    return table[name]
