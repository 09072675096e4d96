"""Norms of a picture that is seen tile by tile: they find the statistics of the whole picture.

Wanted are means and variances ``s`` of all layers with ``F(s) = s``: applied to all tiles, they
are what comes out when all tiles are measured. A layer's measure depends on the layers before it
only, so replacing ``s`` by ``F(s)`` is exact after as many passes as there are layers, but
wild until then: measured under wrong statistics, later layers say nothing. So a small sample
of the picture, which fits into memory at once, foretells what a change does to the later layers:
``s`` is solved from ``s = S(s) + (F(old) - S(old))``, S being the measure on the sample. One pass
of the sample solves that, layer by layer. It is still exact after as many passes as there are
layers, and in practice every pass makes the error about ten times smaller.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.prepare import PictureNorm, replace_modules
from inference.tiles.box import Box

NOWHERE = Box(0, 0, 0, 0)


@dataclass
class View:
    """What the network is shown just now; all norms of a network look at the same one."""

    height: int = 0  # of the tile, in pixels
    core: Box | None = None  # the part of the tile that counts; None: it is the sample


class Moments:
    """Mean and variance of each channel, merged from parts (Chan et al. 1979), in float64."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = self.squares = torch.zeros((), dtype=torch.float64)

    def add(self, features: Tensor) -> None:
        """Count the pixels of [N, C, h, w]."""
        count = features.numel() // features.shape[1]
        var, mean = torch.var_mean(features.float(), dim=(0, 2, 3), correction=0)
        var, mean = var.cpu().double(), mean.cpu().double()
        total = self.count + count
        apart = mean - self.mean
        self.mean = self.mean + apart * (count / total)
        self.squares = self.squares + var * count + apart.square() * (self.count * count / total)
        self.count = total

    @property
    def var(self) -> Tensor:
        return self.squares / self.count


class TileNorm(nn.Module):
    """A ``PictureNorm`` that sees a tile, or the sample, at a time: [N, C, h, w] -> the same."""

    def __init__(self, norm: PictureNorm, view: View) -> None:
        super().__init__()
        self.weight, self.bias, self.eps, self.view = norm.weight, norm.bias, norm.eps, view
        self.mean = self.std = torch.ones(1, dtype=torch.float64)  # applied; set by the sample
        self.shift = torch.zeros((), dtype=torch.float64)  # whole - sample, in sample's std
        self.stretch = torch.ones((), dtype=torch.float64)  # std of the whole / of the sample
        self.sample, self.whole = Moments(), Moments()

    def forward(self, x: Tensor) -> Tensor:
        if self.view.core is None:
            self._foretell(x)
        else:
            scale = max(1, round(self.view.height / x.shape[-2]))
            core = self.view.core.seen_from(NOWHERE, scale)
            self.whole.add(x[..., core.rows, core.columns])
        mean, var = self.mean.to(x), (self.std.square() - self.eps).clamp_min(0).to(x)
        return functional.batch_norm(x, mean, var, self.weight, self.bias, eps=self.eps)

    def _foretell(self, x: Tensor) -> None:
        self.sample = Moments()
        self.sample.add(x)
        std = self._std(self.sample)
        self.mean, self.std = self.sample.mean + self.shift * std, std * self.stretch

    def correct(self) -> float:
        """Take in what a pass over all tiles has measured, for the next pass of the sample.

        Returns how far the applied statistics were from it, in standard deviations.
        """
        whole, sample = self._std(self.whole), self._std(self.sample)
        shifted = (self.mean - self.whole.mean).abs() / whole
        stretched = (self.std / whole - 1).abs()
        self.shift = (self.whole.mean - self.sample.mean) / sample
        self.stretch = whole / sample
        self.whole = Moments()
        return float(torch.maximum(shifted, stretched).max())

    def _std(self, moments: Moments) -> Tensor:
        return (moments.var + self.eps).sqrt()


def with_tile_norms(net: nn.Module, view: View) -> list[TileNorm]:
    """Exchange the norms of a prepared network, in place; returns the new ones."""
    norms: list[TileNorm] = []

    def exchanged(module: nn.Module) -> nn.Module:
        if not isinstance(module, PictureNorm):
            return module
        norms.append(TileNorm(module, view))
        return norms[-1]

    replace_modules(net, exchanged)
    return norms
