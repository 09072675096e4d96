"""PatchGAN: a convolution that judges every overlapping patch (pix2pix, sections 3.2.2 and 6.1.2).

It has ``n_layers`` convolutions of stride 2 and two of stride 1, all 4x4. Each output sees
1: 16, 2: 34, 3: 70, 4: 142, 5: 286 pixels of the image along a side. All layers are in one
``nn.Sequential``, because their positions in it are the published names.
"""

from argparse import ArgumentParser

from torch import Tensor, nn

from models.networks.blur import BlurDown
from models.networks.layers import NormLayer, norm_builder, uses_bias


class NLayerDiscriminator(nn.Module):
    """[N, in, H, W] images -> [N, 1, h, w] logits, h = floor(H / 2**n_layers) - 2.

    ``n_layers=3`` sees 70 x 70 pixels. The first convolution has ``ndf`` output channels; each of
    the next three doubles them. ``antialias_D``: convolutions of stride 1 and ``BlurDown``, as in
    CUT, instead of convolutions of stride 2; the sides are the same.
    """

    @staticmethod
    def modify_commandline_options(parser: ArgumentParser, is_train: bool) -> None:
        parser.add_argument_group("PatchGAN").add_argument(
            "--antialias_D", action="store_true", help="blurred strides in D, as in CUT")

    def __init__(
        self, input_nc: int, ndf: int = 64, n_layers: int = 3,
        norm_layer: NormLayer = nn.BatchNorm2d, *, antialias_D: bool = False,
    ) -> None:
        super().__init__()
        if n_layers < 1:
            raise ValueError(f"a PatchGAN needs at least 1 layer of stride 2, got {n_layers}")
        self.n_layers = n_layers
        norm, bias = norm_builder(norm_layer), uses_bias(norm_layer)
        widths = [ndf * min(2**level, 8) for level in range(n_layers + 1)]

        stride = 1 if antialias_D else 2

        def blur(channels: int) -> list[nn.Module]:
            return [BlurDown(channels)] if antialias_D else []

        model: list[nn.Module] = [nn.Conv2d(input_nc, ndf, 4, stride=stride, padding=1)]
        model += [nn.LeakyReLU(0.2), *blur(ndf)]
        for level in range(1, n_layers + 1):
            is_last = level == n_layers
            before, after = widths[level - 1], widths[level]
            model += [nn.Conv2d(before, after, 4, stride=1 if is_last else stride, padding=1,
                                bias=bias)]
            model += [norm(after), nn.LeakyReLU(0.2), *([] if is_last else blur(after))]
        model += [nn.Conv2d(widths[-1], 1, 4, padding=1)]
        self.model = nn.Sequential(*model)

    def forward(self, x: Tensor) -> Tensor:
        if type(self) is NLayerDiscriminator:  # a subclass of a user may have other layers
            height, width = x.shape[-2:]
            require_side(self.n_layers, width, height)
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

    def __init__(
        self, input_nc: int, ndf: int = 64, norm_layer: NormLayer = nn.BatchNorm2d
    ) -> None:
        super().__init__()
        norm, bias = norm_builder(norm_layer), uses_bias(norm_layer)
        self.net = nn.Sequential(nn.Conv2d(input_nc, ndf, 1), nn.LeakyReLU(0.2),
                                 nn.Conv2d(ndf, ndf * 2, 1, bias=bias), norm(ndf * 2),
                                 nn.LeakyReLU(0.2), nn.Conv2d(ndf * 2, 1, 1, bias=bias))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.net(x)
        return logits
