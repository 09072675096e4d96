"""ResNet generator (CycleGAN, sections 4 and 7.2; after Johnson et al. 2016).

    image ─ conv 7x7 ─ down ─ down ─ [ residual block ] x n ─ up ─ up ─ conv 7x7 ─ tanh

All layers are in one ``nn.Sequential``, because their positions in it are the published names.
"""

from argparse import ArgumentParser

from torch import Tensor, nn

from models.networks.blur import BlurDown, BlurUp
from models.networks.layers import NORMS, uses_bias


class ResnetBlock(nn.Module):
    """[N, C, H, W] -> [N, C, H, W]: x + block(x), two 3x3 convolutions with reflected borders."""

    may_recompute = True  # by --checkpoint_activations

    def __init__(self, channels: int, *, norm: str, dropout: bool) -> None:
        super().__init__()
        bias = uses_bias(norm)
        noise = [nn.Dropout(0.5)] if dropout else []
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias),
            NORMS[norm](channels), nn.ReLU(),
            *noise,  # takes a position: the published names of later layers change
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias),
            NORMS[norm](channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.conv_block(x)
        return x + change


class ResnetGenerator(nn.Module):
    """[N, in, H, W] images -> [N, out, H, W] images in -1..1; H and W at least 5.

    Output sides are rounded up to the next multiple of 4.

    ``antialias``: blurred strides (``BlurDown``) instead of strided convolutions;
    ``antialias_up``: ``BlurUp`` and convolutions instead of transposed ones.
    """

    @staticmethod
    def modify_commandline_options(parser: ArgumentParser, is_train: bool) -> None:
        group = parser.add_argument_group("ResNet generator")
        for flag, layers in (("antialias", "strides"), ("antialias_up", "upsampling")):
            group.add_argument(f"--{flag}", action="store_true",
                               help=f"blurred {layers}, as in CUT (with --weights: seen in the "
                                    "file)")

    def __init__(
        self, in_channels: int, out_channels: int, *, blocks: int, width: int = 64,
        norm: str = "instance", dropout: bool = False, antialias: bool = False,
        antialias_up: bool = False,
    ) -> None:
        super().__init__()
        bias = uses_bias(norm)

        def down(before: int, after: int) -> list[nn.Module]:
            conv = nn.Conv2d(before, after, 3, stride=1 if antialias else 2, padding=1, bias=bias)
            blur = [BlurDown(after)] if antialias else []
            return [conv, NORMS[norm](after), nn.ReLU(), *blur]

        def up(before: int, after: int) -> list[nn.Module]:
            convs = [
                BlurUp(before), nn.Conv2d(before, after, 3, padding=1, bias=bias),
            ] if antialias_up else [
                nn.ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=1,
                                   bias=bias),
            ]
            return [*convs, NORMS[norm](after), nn.ReLU()]

        self.model = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(in_channels, width, 7, bias=bias),
            NORMS[norm](width), nn.ReLU(),
            *down(width, width * 2),
            *down(width * 2, width * 4),
            *(ResnetBlock(width * 4, norm=norm, dropout=dropout) for _ in range(blocks)),
            *up(width * 4, width * 2),
            *up(width * 2, width),
            nn.ReflectionPad2d(3), nn.Conv2d(width, out_channels, 7), nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        # A quarter of the side, rounded up, must be 2: a single pixel has no neighbour to reflect.
        if height < 5 or width < 5:
            raise ValueError(f"the ResNet generator needs sides of at least 5 pixels, got {width} "
                             f"x {height}; use larger images")
        images: Tensor = self.model(x)
        return images
