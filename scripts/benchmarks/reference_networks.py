"""The published networks in the plainest way, for benchmark.py: nothing shared with models/.

U-Net: arXiv:1611.07004, appendix 6.1.1. ResNet and the 70 x 70 PatchGAN: arXiv:1703.10593, appendix
7.2. Pictures are [N, 3, H, W] in -1..1.
"""

import torch
from torch import Tensor, nn


def norm(kind: str, channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.InstanceNorm2d(channels)


class UnetLevel(nn.Module):
    """One level of the U; ``inner`` is what lies below it."""

    def __init__(
        self, outer: int, width: int, inner: "UnetLevel | None", *, dropout: bool, kind: str
    ) -> None:
        super().__init__()
        bias = kind == "instance"
        below = width if inner is None else 2 * width
        down: list[nn.Module] = [
            nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(outer, width, 4, 2, 1, bias=bias),
        ]
        up: list[nn.Module] = [
            nn.ReLU(inplace=True), nn.ConvTranspose2d(below, outer, 4, 2, 1, bias=bias),
            norm(kind, outer),
        ]
        if inner is not None:
            down += [norm(kind, width), inner]
        if dropout:
            up.append(nn.Dropout(0.5))
        self.layers = nn.Sequential(*down, *up)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.layers(x)], 1)


def unet(levels: int, ngf: int, kind: str) -> nn.Module:
    """``levels`` 8 for unet_256, 7 for unet_128; dropout in the wide middle levels."""
    level = UnetLevel(8 * ngf, 8 * ngf, None, dropout=False, kind=kind)
    for _ in range(levels - 5):
        level = UnetLevel(8 * ngf, 8 * ngf, level, dropout=True, kind=kind)
    for factor in (4, 2, 1):
        level = UnetLevel(factor * ngf, 2 * factor * ngf, level, dropout=False, kind=kind)
    return nn.Sequential(
        nn.Conv2d(3, ngf, 4, 2, 1, bias=kind == "instance"), level, nn.ReLU(inplace=True),
        nn.ConvTranspose2d(2 * ngf, 3, 4, 2, 1), nn.Tanh(),
    )


class ResnetBlock(nn.Module):
    def __init__(self, channels: int, kind: str) -> None:
        super().__init__()
        bias = kind == "instance"
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias),
            norm(kind, channels), nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias),
            norm(kind, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)  # type: ignore[no-any-return]


def resnet(blocks: int, ngf: int, kind: str) -> nn.Module:
    bias = kind == "instance"
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, ngf, 7, bias=bias)]
    for width in (ngf, 2 * ngf):
        layers += [norm(kind, width), nn.ReLU(inplace=True)]
        layers += [nn.Conv2d(width, 2 * width, 3, 2, 1, bias=bias)]
    layers += [norm(kind, 4 * ngf), nn.ReLU(inplace=True)]
    layers += [ResnetBlock(4 * ngf, kind) for _ in range(blocks)]
    for width in (4 * ngf, 2 * ngf):
        layers += [nn.ConvTranspose2d(width, width // 2, 3, 2, 1, 1, bias=bias)]
        layers += [norm(kind, width // 2), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(ngf, 3, 7), nn.Tanh())


def patchgan(channels: int, ndf: int, kind: str) -> nn.Module:
    bias = kind == "instance"
    layers: list[nn.Module] = [nn.Conv2d(channels, ndf, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
    for width, stride in ((ndf, 2), (2 * ndf, 2), (4 * ndf, 1)):
        layers += [nn.Conv2d(width, 2 * width, 4, stride, 1, bias=bias), norm(kind, 2 * width)]
        layers += [nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(8 * ndf, 1, 4, 1, 1))


def started(net: nn.Module) -> nn.Module:
    """The first weights of both papers: N(0, 0.02)."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
    return net
