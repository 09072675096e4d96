"""PatchGAN: a convolution that judges every overlapping patch (pix2pix, sections 3.2.2 and 6.1.2).

It has ``layers`` convolutions of stride 2 and two of stride 1, all 4x4. Each output sees
1: 16, 2: 34, 3: 70, 4: 142, 5: 286 pixels of the image along a side. All layers are in one
``nn.Sequential``, because their positions in it are the published names.
"""

from torch import Tensor, nn

from models.networks.layers import NORMS, uses_bias


class PatchDiscriminator(nn.Module):
    """[N, in, H, W] images -> [N, 1, h, w] logits, h = floor(H / 2**layers) - 2.

    ``layers=3`` sees 70 x 70 pixels. The first convolution has ``width`` output channels; each of
    the next three doubles them.
    """

    def __init__(
        self, in_channels: int, *, layers: int = 3, width: int = 64, norm: str = "instance"
    ) -> None:
        super().__init__()
        if layers < 1:
            raise ValueError(f"a PatchGAN needs at least 1 layer of stride 2, got {layers}")
        self.layers = layers
        bias = uses_bias(norm)
        widths = [width * min(2**level, 8) for level in range(layers + 1)]

        model: list[nn.Module] = [nn.Conv2d(in_channels, width, 4, stride=2, padding=1)]
        model += [nn.LeakyReLU(0.2)]
        for level in range(1, layers + 1):
            stride = 2 if level < layers else 1
            before, after = widths[level - 1], widths[level]
            model += [nn.Conv2d(before, after, 4, stride=stride, padding=1, bias=bias)]
            model += [NORMS[norm](after), nn.LeakyReLU(0.2)]
        model += [nn.Conv2d(widths[-1], 1, 4, padding=1)]
        self.model = nn.Sequential(*model)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        require_side(self.layers, width, height)
        logits: Tensor = self.model(x)
        return logits


def require_side(layers: int, width: int, height: int) -> None:
    """Raise ValueError if a PatchGAN with ``layers`` has no output for images of this size."""
    side = 3 * 2**layers
    if height < side or width < side:
        raise ValueError(f"a PatchGAN of {layers} layers needs sides of at least {side} pixels (3 "
                         f"* 2**layers), got {width} x {height}; use larger images or fewer "
                         "layers")


class PixelDiscriminator(nn.Module):
    """[N, in, H, W] images -> [N, 1, H, W] logits: the 1x1 PatchGAN, which sees colours only."""

    def __init__(self, in_channels: int, *, width: int = 64, norm: str = "instance") -> None:
        super().__init__()
        bias = uses_bias(norm)
        self.net = nn.Sequential(nn.Conv2d(in_channels, width, 1), nn.LeakyReLU(0.2),
                                 nn.Conv2d(width, width * 2, 1, bias=bias), NORMS[norm](width * 2),
                                 nn.LeakyReLU(0.2), nn.Conv2d(width * 2, 1, 1, bias=bias))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.net(x)
        return logits
