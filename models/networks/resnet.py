"""ResNet generator (CycleGAN, sections 4 and 7.2; after Johnson et al. 2016).

    image ─ conv 7x7 ─ down ─ down ─ [ residual block ] x n ─ up ─ up ─ conv 7x7 ─ tanh

All layers are in one ``nn.Sequential``, because their positions in it are the published names.
"""

from argparse import ArgumentParser
from collections.abc import Callable, Sequence

from torch import Tensor, nn

from models.networks.blur import BlurDown, BlurUp
from models.networks.layers import NormLayer, norm_builder, uses_bias

# The border of a block's convolutions; "zero" is a part of the convolution itself.
PADDINGS: dict[str, list[Callable[[int], nn.Module]]] = {
    "reflect": [nn.ReflectionPad2d], "replicate": [nn.ReplicationPad2d], "zero": [],
}


class ResnetBlock(nn.Module):
    """[N, C, H, W] -> [N, C, H, W]: x + block(x), two 3x3 convolutions.

    ``padding_type``: the values beyond the border: ``reflect``, ``replicate`` or ``zero``.
    """

    may_recompute = True  # by --checkpoint_activations

    def __init__(
        self, dim: int, padding_type: str, norm_layer: NormLayer, use_dropout: bool, use_bias: bool
    ) -> None:
        super().__init__()
        self.conv_block = self.build_conv_block(
            dim, padding_type, norm_layer, use_dropout, use_bias
        )

    def build_conv_block(
        self, dim: int, padding_type: str, norm_layer: NormLayer, use_dropout: bool, use_bias: bool
    ) -> nn.Sequential:
        """Return the layers of the block. Subclasses of users replace this method.

        Raises:
            ValueError: the ``padding_type`` is unknown.
        """
        if padding_type not in PADDINGS:
            raise ValueError(f"no padding is called {padding_type!r}; choose from "
                             f"{', '.join(PADDINGS)}")

        def convolution() -> list[nn.Module]:
            borders = [pad(1) for pad in PADDINGS[padding_type]]
            conv = nn.Conv2d(dim, dim, 3, padding=0 if borders else 1, bias=use_bias)
            return [*borders, conv, norm_builder(norm_layer)(dim)]

        # Dropout takes a position: the published names of later layers change.
        noise = [nn.Dropout(0.5)] if use_dropout else []
        return nn.Sequential(*convolution(), nn.ReLU(), *noise, *convolution())

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.conv_block(x)
        return x + change


class ResnetGenerator(nn.Module):
    """[N, in, H, W] images -> [N, out, H, W] images in -1..1; H and W at least 5.

    Output sides are rounded up to the next multiple of 4. The first convolution has ``ngf`` output
    channels.

    ``padding_type``: borders of the residual blocks; the first and last layer reflect.
    ``antialias``: blurred strides (``BlurDown``) instead of strided convolutions;
    ``antialias_up``: ``BlurUp`` and convolutions instead of transposed ones.

    ``net(x, layers=(0, 4))`` returns the outputs of these positions of ``model``, in this order,
    and computes nothing behind the last of them.
    """

    @staticmethod
    def modify_commandline_options(parser: ArgumentParser, is_train: bool) -> None:
        group = parser.add_argument_group("ResNet generator")
        for flag, layers in (("antialias", "strides"), ("antialias_up", "upsampling")):
            group.add_argument(f"--{flag}", action="store_true",
                               help=f"blurred {layers}, as in CUT (with --weights: seen in the "
                                    "file)")

    def __init__(
        self, input_nc: int, output_nc: int, ngf: int = 64,
        norm_layer: NormLayer = nn.BatchNorm2d, use_dropout: bool = False, n_blocks: int = 6,
        padding_type: str = "reflect", *, antialias: bool = False, antialias_up: bool = False,
    ) -> None:
        super().__init__()
        norm, bias = norm_builder(norm_layer), uses_bias(norm_layer)

        def down(before: int, after: int) -> list[nn.Module]:
            conv = nn.Conv2d(before, after, 3, stride=1 if antialias else 2, padding=1, bias=bias)
            blur = [BlurDown(after)] if antialias else []
            return [conv, norm(after), nn.ReLU(), *blur]

        def up(before: int, after: int) -> list[nn.Module]:
            convs = [
                BlurUp(before), nn.Conv2d(before, after, 3, padding=1, bias=bias),
            ] if antialias_up else [
                nn.ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=1,
                                   bias=bias),
            ]
            return [*convs, norm(after), nn.ReLU()]

        self.model = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(input_nc, ngf, 7, bias=bias), norm(ngf), nn.ReLU(),
            *down(ngf, ngf * 2),
            *down(ngf * 2, ngf * 4),
            *(ResnetBlock(ngf * 4, padding_type, norm_layer, use_dropout, bias)
              for _ in range(n_blocks)),
            *up(ngf * 4, ngf * 2),
            *up(ngf * 2, ngf),
            nn.ReflectionPad2d(3), nn.Conv2d(ngf, output_nc, 7), nn.Tanh(),
        )

    def forward(self, x: Tensor, layers: Sequence[int] = ()) -> Tensor | list[Tensor]:
        height, width = x.shape[-2:]
        # A quarter of the side, rounded up, must be 2: a single pixel has no neighbour to reflect.
        if height < 5 or width < 5:
            raise ValueError(f"the ResNet generator needs sides of at least 5 pixels, got {width} "
                             f"x {height}; use larger images")
        if layers:
            return outputs_at(self.model, x, layers)
        images: Tensor = self.model(x)
        return images


def outputs_at(model: nn.Sequential, x: Tensor, layers: Sequence[int]) -> list[Tensor]:
    """Return the outputs of these positions of ``model``, in the order of ``layers``."""
    found: dict[int, Tensor] = {}
    for position, layer in enumerate(tuple(model)[: max(layers) + 1]):
        x = layer(x)
        if position in layers:
            found[position] = x
    return [found[position] for position in layers]
