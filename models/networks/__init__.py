"""Generators and discriminators by the names that ``--netG`` and ``--netD`` take."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import torch
from torch import nn

from models.networks.discriminators import PatchDiscriminator, PixelDiscriminator
from models.networks.geometry import geometry
from models.networks.layers import INITS, NORMS, init_weights
from models.networks.resnet import ResnetGenerator
from models.networks.unet import UnetGenerator

__all__ = [
    "DISCRIMINATORS",
    "GENERATORS",
    "INITS",
    "NORMS",
    "define_D",
    "define_G",
    "init_weights",
    "side_multiple",
]

T = TypeVar("T")

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
) -> nn.Module:
    """A generator with fresh weights on the CPU: [N, in, H, W] -> [N, out, H, W] in -1..1.

    Raises:
        ValueError: a name that is not in its table.
    """
    build = _pick(GENERATORS, name, "generator")
    _pick(NORMS, norm, "norm")
    _pick(INITS, init_type, "init_type")
    net = build(in_channels, out_channels, width=width, norm=norm, dropout=dropout)
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
) -> nn.Module:
    """A discriminator with fresh weights on the CPU: [N, in, H, W] -> [N, 1, h, w] logits.

    ``n_layers`` counts for the name ``n_layers`` alone; the other names say their size.

    Raises:
        ValueError: a name that is not in its table, or ``n_layers`` below 1.
    """
    build = _pick(DISCRIMINATORS, name, "discriminator")
    _pick(NORMS, norm, "norm")
    _pick(INITS, init_type, "init_type")
    size = {"layers": n_layers} if name == "n_layers" else {}
    net = build(in_channels, width=width, norm=norm, **size)
    init_weights(net, init_type, init_gain)
    return net


def side_multiple(name: str) -> int:
    """What both sides of a picture must be divisible by, to come out as large as it went in."""
    with torch.device("meta"):
        return geometry(GENERATORS[name](1, 1, width=1)).multiple


def _pick(table: Mapping[str, T], name: str, what: str) -> T:
    if name not in table:
        raise ValueError(f"no {what} is called {name!r}; choose from {', '.join(table)}")
    return table[name]
