"""A small U-Net as segmenter, which never works at the full side of the image.

    photo ── /2 ─┬─ /4 ─┬─ /8 ─┬─ /16 ── /32 ─ up ─ cat ─ ... ─ cat ── logits ── up ── logits
                 └──────┴──────┴──────────────────┘ (skips to the level of the same side)

As in FCN (Long et al. 2015) the logits are finer than the deepest features and coarser than the
image, and are scaled to its side.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

DEPTH = 5  # halvings of the side


class Segmenter(nn.Module):
    """Photos [N, 3, H, W] in -1..1 -> logits [N, classes, H, W]; 32 must divide H and W.

    ``width``: channels of the first level. Each of the next three levels doubles them.
    """

    def __init__(self, classes: int, *, width: int = 16) -> None:
        super().__init__()
        widths = [width * min(2**level, 8) for level in range(DEPTH)]
        self.encoder = nn.ModuleList(
            nn.Sequential(*_conv(before, channels, stride=2), *_conv(channels, channels))
            for before, channels in pairwise([3, *widths])
        )
        self.decoder = nn.ModuleList(
            nn.Sequential(*_conv(deep + skip, skip)) for deep, skip in pairwise(widths[::-1])
        )
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        encoded = []
        for block in self.encoder:
            x = block(x)
            encoded.append(x)
        x = encoded.pop()
        for block in self.decoder:
            x = block(torch.cat([_doubled(x), encoded.pop()], dim=1))
        return _doubled(self.head(x))


def _conv(before: int, channels: int, *, stride: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(before, channels, 3, stride=stride, padding=1, bias=False)
    return [conv, nn.BatchNorm2d(channels), nn.ReLU()]


def _doubled(x: Tensor) -> Tensor:
    return interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
