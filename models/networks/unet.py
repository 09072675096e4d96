"""U-Net generator (pix2pix, sections 3.2.1 and 6.1.1).

    image ── down ─┬─ down ─┬─ ... ─┬─ down ─ up ─ cat ─ ... ─ cat ─ up ─ cat ─ up ── tanh
                   │        │       └──────────────┘            │         │
                   │        └───────────────────────────────────┘         │
                   └──────────────────────────────────────────────────────┘

Every ``down`` halves the sides and every ``up`` doubles them; there are ``num_downs`` of each. The
skips carry each encoder's output to the decoder of the same size. Without skips this is the
encoder-decoder that section 3.2.1 compares with: its decoder reads half as many channels.

The layers belong to the nest of nested_unet.py, whose names are the published ones. The blocks here
run them one after another.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from models.networks.layers import NormLayer
from models.networks.nested_unet import UnetSkipConnectionBlock


class _Block(nn.Module):
    """Half of a level. It has no tensors of its own."""

    may_recompute = True  # by --checkpoint_activations
    names: tuple[str, ...]  # of its layers in the level

    def __init__(self, level: UnetSkipConnectionBlock) -> None:
        super().__init__()
        self._level = (level,)  # a tuple, so that the level is not registered a second time
        # Modules, so that the estimate of the memory sees what they read and write.
        self.leaky = nn.Identity() if level.outermost else nn.LeakyReLU(0.2)
        self.relu = nn.ReLU()
        self.nothing = nn.Identity()

    @property
    def level(self) -> UnetSkipConnectionBlock:
        return self._level[0]

    def _layer(self, name: str) -> nn.Module:
        return self.level.layer(name) or self.nothing

    def modules(self, remove_duplicate: bool = True) -> Iterator[nn.Module]:
        """Yield the block and its layers, although these belong to the nest."""
        yield self
        for name in self.names:
            yield from self._layer(name).modules()


class DownBlock(_Block):
    """[N, in, H, W] -> [N, out, H/2, W/2]: LeakyReLU, 4x4 convolution of stride 2, norm."""

    names = ("conv", "norm")
    conv = property(lambda self: self._layer("conv"))
    norm = property(lambda self: self._layer("norm"))

    def forward(self, x: Tensor) -> Tensor:
        # Not in place: the skip reads the same tensor.
        features: Tensor = self.norm(self.conv(self.leaky(x)))
        return features


class UpBlock(_Block):
    """[N, in, H, W] -> [N, out, 2H, 2W]: ReLU, 4x4 transposed convolution, norm, dropout."""

    names = ("up", "up_norm", "dropout")
    conv = property(lambda self: self._layer("up"))
    norm = property(lambda self: self._layer("up_norm"))
    dropout = property(lambda self: self._layer("dropout"))

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.dropout(self.norm(self.conv(self.relu(x))))
        return features


class UnetGenerator(nn.Module):
    """[N, in, H, W] images -> [N, out, H, W] images in -1..1; H and W divisible by 2**num_downs.

    The first block has ``ngf`` output channels; each of the next three doubles them.
    ``use_dropout``: in the ``num_downs - 5`` inner decoder blocks; the noise z of pix2pix,
    section 3.2.
    """

    def __init__(
        self, input_nc: int, output_nc: int, num_downs: int, ngf: int = 64,
        norm_layer: NormLayer = nn.BatchNorm2d, use_dropout: bool = False, *, skips: bool = True,
    ) -> None:
        super().__init__()
        if num_downs < 2:
            raise ValueError(f"a U-Net needs num_downs of at least 2, got {num_downs}")
        self.skips = skips
        widths = [ngf * min(2**level, 8) for level in range(num_downs)]

        # Innermost first. There a norm after the convolution would see one pixel per channel.
        levels: list[UnetSkipConnectionBlock] = []
        for level in reversed(range(num_downs)):
            outermost = level == 0
            levels.append(UnetSkipConnectionBlock(
                output_nc if outermost else widths[level - 1], widths[level],
                input_nc if outermost else None, levels[-1] if levels else None, outermost,
                not levels, norm_layer, use_dropout and 3 < level < num_downs - 1, skips=skips,
                in_place=False))
        self.model = levels[-1]
        self.encoder = nn.ModuleList(DownBlock(level) for level in reversed(levels))
        self.decoder = nn.ModuleList(UpBlock(level) for level in levels)

    def require_sides(self, x: Tensor) -> None:
        """Raise ValueError if the sides of ``x`` [N, C, H, W] cannot be halved so many times."""
        side = 2 ** len(self.encoder)
        height, width = x.shape[-2:]
        if height % side or width % side:
            raise ValueError(f"this U-Net needs sides divisible by {side} (2**num_downs), got "
                             f"{width} x {height} pixels; crop or resize the images, or use a "
                             "resnet generator")

    @property
    def is_complete(self) -> bool:
        """Return False if ``model`` was replaced by a subclass, or by DataParallel."""
        return self.model is self.encoder[0].level

    def forward(self, x: Tensor) -> Tensor:
        if not self.is_complete:
            images: Tensor = self.model(x)
            return images
        self.require_sides(x)
        encoded = []
        for block in self.encoder:
            x = block(x)
            encoded.append(x)
        x = encoded.pop()
        for block in self.decoder:
            x = block(x)
            if encoded and self.skips:
                x = torch.cat([encoded.pop(), x], dim=1)
        last = self.model.layer("last")
        return last(x) if last else x
