"""One level of a U-Net, which contains the levels below it. The published names follow this nest.

    outermost:  conv ─ [ level below ] ─ ReLU ─ up ─ tanh
    others:     LeakyReLU ─ conv ─ norm ─ [ level below ] ─ ReLU ─ up ─ norm ─ dropout
    innermost:  LeakyReLU ─ conv ─ ReLU ─ up ─ norm
"""

import torch
from torch import Tensor, nn

from models.networks.layers import NormLayer, norm_builder, uses_bias


class UnetSkipConnectionBlock(nn.Module):
    """[N, input_nc, H, W] -> [N, outer_nc, H, W] if outermost, else [N, input_nc + outer_nc, H, W].

    Args:
        outer_nc: channels of the output, without those of the skip.
        inner_nc: channels between the two convolutions.
        input_nc: channels of the input; None: ``outer_nc``.
        submodule: the level below; None only for the innermost one.
        skips: whether the input is a part of the output.
        in_place: whether the activations overwrite their input, as in the original: then the skip
            carries the input after LeakyReLU.
    """

    def __init__(
        self, outer_nc: int, inner_nc: int, input_nc: int | None = None,
        submodule: nn.Module | None = None, outermost: bool = False, innermost: bool = False,
        norm_layer: NormLayer = nn.BatchNorm2d, use_dropout: bool = False, *, skips: bool = True,
        in_place: bool = True,
    ) -> None:
        super().__init__()
        self.outermost, self.innermost, self.skips = outermost, innermost, skips
        bias, norm = uses_bias(norm_layer), norm_builder(norm_layer)
        below = [submodule] if submodule is not None else []
        read = inner_nc * 2 if skips and not innermost else inner_nc
        first = nn.LeakyReLU(0.2, in_place)
        conv = nn.Conv2d(outer_nc if input_nc is None else input_nc, inner_nc, 4, stride=2,
                         padding=1, bias=bias)
        up = nn.ConvTranspose2d(read, outer_nc, 4, stride=2, padding=1, bias=bias or outermost)
        relu = nn.ReLU(in_place)
        if outermost:
            layers = [conv, *below, relu, up, nn.Tanh()]
        elif innermost:
            layers = [first, conv, relu, up, norm(outer_nc)]
        else:
            noise = [nn.Dropout(0.5)] if use_dropout else []
            layers = [first, conv, norm(inner_nc), *below, relu, up, norm(outer_nc), *noise]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.model(x)
        return y if self.outermost or not self.skips else torch.cat([x, y], dim=1)

    def layer(self, name: str) -> nn.Module | None:
        """Return ``conv``, ``norm``, ``up``, ``up_norm``, ``dropout`` or ``last``, if it exists."""
        kind = "outermost" if self.outermost else "innermost" if self.innermost else "others"
        position = _POSITIONS[kind].get(name, _MISSING)
        layers = [*self.model._modules.values()]  # indexing the nn.Sequential takes 10 times longer
        return layers[position] if position < len(layers) else None


_MISSING = 99
_POSITIONS = {
    "outermost": {"conv": 0, "up": 3, "last": 4},
    "others": {"conv": 1, "norm": 2, "up": 5, "up_norm": 6, "dropout": 7},
    "innermost": {"conv": 1, "up": 3, "up_norm": 4},
}
