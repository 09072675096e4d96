"""Network F of CUT: unit vectors of places in feature maps (Park et al. 2020, section 3.2).

The names of the weights are those of the published files. F computes in float32 at every precision:
squares of features of 1e-5 are zero in float16.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from util.distributed import all_reduce_sum


def unit_vectors(vectors: Tensor) -> Tensor:
    """Return ``vectors / (|vectors| + 1e-7)`` over the last axis; the gradient is always finite."""
    squares = vectors.square().sum(dim=-1, keepdim=True)
    is_zero = squares == 0
    # The derivative of the square root is infinite at 0, and infinity times 0 is NaN.
    norm = torch.where(is_zero, squares, squares.masked_fill(is_zero, 1.0).sqrt())
    return vectors / (norm + 1e-7)


def draw_places(sides: Sequence[int], count: int, device: torch.device) -> Tensor:
    """Return ``count`` different places (row * W + column) of a map with H, W = ``sides``: [P].

    0, or more than there are: all of them. Drawn on the device, so that a CUDA graph draws new ones
    in each step.
    """
    places = sides[0] * sides[1]
    return torch.rand(places, device=device).topk(min(count or places, places)).indices


def mirrored(places: Tensor, width: int) -> Tensor:
    """Return where ``places`` are after a map of this width is mirrored left to right."""
    return places + width - 1 - 2 * (places % width)


def _at_least_float32(feature: Tensor) -> Tensor:
    return feature.to(torch.promote_types(feature.dtype, torch.float32))


class PatchSampler(nn.Module):
    """Feature maps [N, C_i, H_i, W_i], then places [N, P_i] of each -> [N, P_i, width_i].

    This class has no weights (``--netF sample``): width_i is C_i. ``shapes``: those of the maps.
    """

    processes = 1  # over which moving averages are taken

    def __init__(self, shapes: Sequence[Sequence[int]], width: int) -> None:
        super().__init__()

    def forward(self, *maps_and_places: Tensor) -> list[Tensor]:
        half = len(maps_and_places) // 2
        features, places = maps_and_places[:half], maps_and_places[half:]
        with torch.autocast(features[0].device.type, enabled=False):
            return [unit_vectors(self.embed(number, _at_least_float32(feature), place))
                    for number, (feature, place) in enumerate(zip(features, places, strict=True))]

    def embed(self, number: int, feature: Tensor, places: Tensor) -> Tensor:
        """Return the vectors of one map, [N, P, width], before they get length 1."""
        # Picked before the axes are exchanged: so the gradient of the map has the layout
        # [N, C, H, W], which torch's instance norm needs for right gradients on a CPU (2.14).
        index = places[:, None].expand(-1, feature.shape[1], -1)
        return feature.flatten(2).gather(2, index).transpose(1, 2)

    def sides_of(self, number: int, feature: Tensor) -> list[int]:
        """Return height and width of the map whose places are sampled."""
        return list(feature.shape[-2:])


class MlpSampler(PatchSampler):
    """``--netF mlp_sample``: two linear layers for each map, whose vectors have ``width``."""

    def __init__(self, shapes: Sequence[Sequence[int]], width: int) -> None:
        super().__init__(shapes, width)
        for number, shape in enumerate(shapes):
            mlp = nn.Sequential(nn.Linear(shape[1], width), nn.ReLU(), nn.Linear(width, width))
            self.add_module(f"mlp_{number}", mlp)

    def embed(self, number: int, feature: Tensor, places: Tensor) -> Tensor:
        picked = super().embed(number, feature, places)
        vectors: Tensor = self.get_submodule(f"mlp_{number}")(picked)
        return vectors


class StridedSampler(PatchSampler):
    """``--netF strided_conv``: convolutions bring each map to a side of about 30 and 64 channels.

    The vectors are places of that small map, minus their moving average (decay 0.999), which the
    file holds as ``mean_<i>``. The keys, which have no gradient, change it.
    """

    def __init__(self, shapes: Sequence[Sequence[int]], width: int) -> None:
        super().__init__(shapes, width)
        for number, (_, channels, height, _) in enumerate(shapes):
            layers: list[nn.Module] = []
            for _ in range(max(0, round(math.log2(height / 32)))):
                halved = max(channels // 2, 64)
                layers += [nn.Conv2d(channels, halved, 3, stride=2), nn.ReLU()]
                channels = halved
            self.add_module(f"conv_{number}", nn.Sequential(*layers, nn.Conv2d(channels, 64, 3)))
            self.register_buffer(f"mean_{number}", torch.zeros(64))

    def embed(self, number: int, feature: Tensor, places: Tensor) -> Tensor:
        small = self.get_submodule(f"conv_{number}")(feature)
        mean = self.get_buffer(f"mean_{number}")
        if self.training and not torch.is_grad_enabled():
            found = small.mean(dim=(0, 2, 3))
            if self.processes > 1:
                found = all_reduce_sum(found) / self.processes
            mean.lerp_(found, torch.where(mean.any(), 0.001, 1.0))  # it begins with the first keys
        return super().embed(number, small, places) - mean

    def sides_of(self, number: int, feature: Tensor) -> list[int]:
        sides = super().sides_of(number, feature)
        for layer in self.get_submodule(f"conv_{number}").modules():
            if isinstance(layer, nn.Conv2d):
                sides = [(side - 3) // layer.stride[0] + 1 for side in sides]
        return sides


SAMPLERS: dict[str, type[PatchSampler]] = {
    "mlp_sample": MlpSampler, "sample": PatchSampler, "strided_conv": StridedSampler,
}
