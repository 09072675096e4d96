"""U-Net generator (pix2pix, sections 3.2.1 and 6.1.1).

    image ── down ─┬─ down ─┬─ ... ─┬─ down ─ up ─ cat ─ ... ─ cat ─ up ─ cat ─ up ── tanh
                   │        │       └──────────────┘            │         │
                   │        └───────────────────────────────────┘         │
                   └──────────────────────────────────────────────────────┘

Every ``down`` halves the sides and every ``up`` doubles them; there are ``num_downs`` of each. The
skips carry each encoder's output to the decoder of the same size. Without skips this is the
encoder-decoder that section 3.2.1 compares with: its decoder reads half as many channels.
"""

import torch
from torch import Tensor, nn

from models.networks.layers import NormLayer, norm_builder, uses_bias


class DownBlock(nn.Module):
    """[N, in, H, W] -> [N, out, H/2, W/2]: LeakyReLU, 4x4 convolution of stride 2, norm."""

    may_recompute = True  # by --checkpoint_activations

    def __init__(
        self, in_channels: int, out_channels: int, *, norm: NormLayer, bias: bool, activate: bool
    ) -> None:
        super().__init__()
        # Not in place: the skip reads the same tensor.
        self.activation = nn.LeakyReLU(0.2) if activate else nn.Identity()
        self.conv = nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1, bias=bias)
        self.norm = norm_builder(norm)(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.norm(self.conv(self.activation(x)))
        return features


class UpBlock(nn.Module):
    """[N, in, H, W] -> [N, out, 2H, 2W]: ReLU, 4x4 transposed convolution, norm, dropout."""

    may_recompute = True

    def __init__(
        self, in_channels: int, out_channels: int, *, norm: NormLayer, bias: bool, dropout: bool
    ) -> None:
        super().__init__()
        self.activation = nn.ReLU()
        self.conv = nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=bias)
        self.norm = norm_builder(norm)(out_channels)
        self.dropout = nn.Dropout(0.5) if dropout else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.dropout(self.norm(self.conv(self.activation(x))))
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
        bias = uses_bias(norm_layer)
        widths = [ngf * min(2**level, 8) for level in range(num_downs)]

        # Outermost first. At the bottom a norm would see one pixel per channel and set it to 0.
        self.encoder = nn.ModuleList()
        for level, channels in enumerate(widths):
            block_norm = norm_layer if 0 < level < num_downs - 1 else "none"
            before = widths[level - 1] if level else input_nc
            self.encoder.append(
                DownBlock(before, channels, norm=block_norm, bias=bias, activate=level > 0)
            )

        # Innermost first: the order in which forward runs.
        self.decoder = nn.ModuleList()
        for level in reversed(range(num_downs)):
            outermost, innermost = level == 0, level == num_downs - 1
            doubled = 2 if skips and not innermost else 1
            self.decoder.append(UpBlock(
                widths[level] * doubled, output_nc if outermost else widths[level - 1],
                norm="none" if outermost else norm_layer, bias=bias or outermost,
                dropout=use_dropout and 3 < level < num_downs - 1))

    def forward(self, x: Tensor) -> Tensor:
        side = 2 ** len(self.encoder)
        height, width = x.shape[-2:]
        if height % side or width % side:
            raise ValueError(f"this U-Net needs sides divisible by {side} (2**num_downs), got "
                             f"{width} x {height} pixels; crop or resize the images, or use a "
                             "resnet generator")
        encoded = []
        for block in self.encoder:
            x = block(x)
            encoded.append(x)
        x = encoded.pop()
        for block in self.decoder:
            x = block(x)
            if encoded and self.skips:
                x = torch.cat([encoded.pop(), x], dim=1)
        return x.tanh()
