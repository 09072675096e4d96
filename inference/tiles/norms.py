"""Norms for an image that is processed tile by tile, with the statistics of the whole image.

Let ``s`` be the means and variances of all layers. The solution is the fixed point ``F(s) = s``,
where ``F`` applies ``s`` to all tiles and measures the statistics over all of them. The measured
values of a layer depend on earlier layers only, so repeating ``s = F(s)`` is exact after as many
passes as there are layers. Before that it is far off, because later layers are measured under wrong
statistics of the earlier ones. Therefore a small sample of the image, which fits into memory at
once, predicts how a change acts on the later layers: ``s`` solves ``s = S(s) + (F(old) - S(old))``,
where ``S`` measures the sample. One pass over the sample solves this, layer by layer. The method
is also exact after as many passes as there are layers; in practice every pass makes the error
about ten times smaller.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.prepare import PictureNorm, replace_modules
from inference.tiles.box import Box

_ORIGIN = Box(0, 0, 0, 0)


@dataclass
class View:
    """The current input of the network; all norms of a network share one view."""

    height: int = 0  # of the tile, in pixels
    core: Box | None = None  # the part of the tile that is measured; None: the input is the sample


class Moments:
    """Mean and variance of each channel, merged from parts (Chan et al. 1979), in float64."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = self.squares = torch.zeros((), dtype=torch.float64)

    def add(self, features: Tensor) -> None:
        """Add the pixels of [N, C, h, w]."""
        count = features.numel() // features.shape[1]
        var, mean = torch.var_mean(features.float(), dim=(0, 2, 3), correction=0)
        var, mean = var.cpu().double(), mean.cpu().double()
        total = self.count + count
        delta = mean - self.mean
        self.mean = self.mean + delta * (count / total)
        self.squares = self.squares + var * count + delta.square() * (self.count * count / total)
        self.count = total

    @property
    def var(self) -> Tensor:
        return self.squares / self.count


class TileNorm(nn.Module):
    """A ``PictureNorm`` for tiles, or for the sample: [N, C, h, w] -> the same shape."""

    def __init__(self, norm: PictureNorm, view: View) -> None:
        super().__init__()
        self.weight, self.bias, self.eps, self.view = norm.weight, norm.bias, norm.eps, view
        self.mean = self.std = torch.ones(1, dtype=torch.float64)  # applied; set by the sample
        self.shift = torch.zeros((), dtype=torch.float64)  # whole - sample, in sample's std
        self.stretch = torch.ones((), dtype=torch.float64)  # std of the whole / of the sample
        self.sample, self.whole = Moments(), Moments()

    def forward(self, x: Tensor) -> Tensor:
        if self.view.core is None:
            self._predict(x)
        else:
            scale = max(1, round(self.view.height / x.shape[-2]))
            core = self.view.core.relative_to(_ORIGIN, scale)
            self.whole.add(x[..., core.rows, core.columns])
        mean, var = self.mean.to(x), (self.std.square() - self.eps).clamp_min(0).to(x)
        return functional.batch_norm(x, mean, var, self.weight, self.bias, eps=self.eps)

    def _predict(self, x: Tensor) -> None:
        """Set the statistics of the whole image from those of the sample."""
        self.sample = Moments()
        self.sample.add(x)
        std = self._std(self.sample)
        self.mean, self.std = self.sample.mean + self.shift * std, std * self.stretch

    def correct(self) -> float:
        """Update the correction for the next pass over the sample, after a pass over all tiles.

        Return the distance between applied and measured statistics, in standard deviations.
        """
        whole, sample = self._std(self.whole), self._std(self.sample)
        mean_error = (self.mean - self.whole.mean).abs() / whole
        std_error = (self.std / whole - 1).abs()
        self.shift = (self.whole.mean - self.sample.mean) / sample
        self.stretch = whole / sample
        self.whole = Moments()
        return float(torch.maximum(mean_error, std_error).max())

    def _std(self, moments: Moments) -> Tensor:
        return (moments.var + self.eps).sqrt()


def with_tile_norms(net: nn.Module, view: View) -> list[TileNorm]:
    """Replace the norms of a prepared network, in place; return the new norms."""
    norms: list[TileNorm] = []

    def tile_norm(module: nn.Module) -> nn.Module:
        if not isinstance(module, PictureNorm):
            return module
        norms.append(TileNorm(module, view))
        return norms[-1]

    replace_modules(net, tile_norm)
    return norms
