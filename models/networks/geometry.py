"""Stride and receptive field of a network, derived from its layers.

Two values are followed through the layers: ``jump``, the distance in image pixels between two
neighbours of a feature map, and the interval of pixels around its own position that a feature sees.
"""

from dataclasses import dataclass

from torch import nn

from models.networks.blur import BlurDown, BlurUp


@dataclass(frozen=True)
class Geometry:
    """Sizes in pixels of the image.

    ``multiple``: it must divide both sides for the output to be as large as the input.
    ``minimum``: the smallest sides that the reflected borders allow.
    ``reach``: an output pixel sees no input pixel that is further away, by rows or columns.
    """

    multiple: int
    minimum: int
    reach: int


def geometry(net: nn.Module) -> Geometry:
    """Return the attribute ``geometry`` of ``net``, or derive it from its layers.

    Convolutions, poolings, upsamplings and padding layers are counted. They are assumed to run in
    the order in which they are registered, as in an ``nn.Sequential``; parallel branches make
    ``reach`` too large, never too small. A network whose layers run in another order needs the
    attribute ``geometry``.
    """
    declared = getattr(net, "geometry", None)
    if isinstance(declared, Geometry):
        return declared
    jump, coarsest, minimum = 1.0, 1.0, 1.0
    before, after = 0.0, 0.0  # pixels seen above or to the left, and below or to the right
    for module in net.modules():
        if isinstance(module, nn.ReflectionPad2d | nn.ReplicationPad2d | nn.ZeroPad2d):
            pad = max(module.padding)
            before, after = before + pad * jump, after - pad * jump
            if isinstance(module, nn.ReflectionPad2d):
                minimum = max(minimum, (pad + 1) * jump)
        elif isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            span, pad = _span(module), _padding(module)
            before, after = before + pad * jump, after + (span - pad) * jump
            jump *= _longest(module.stride)
        elif isinstance(module, nn.ConvTranspose2d):
            jump /= _longest(module.stride)
            span, pad = _span(module), _padding(module)
            before, after = before + (span - pad) * jump, after + pad * jump
        elif isinstance(module, BlurDown):
            before, after = before + jump, after + jump
            minimum = max(minimum, 2 * jump)
            jump *= 2
        elif isinstance(module, nn.Upsample | BlurUp):
            before, after = before + jump, after + jump  # bilinear: both neighbours
            jump /= _longest(getattr(module, "scale_factor", 2))
        coarsest = max(coarsest, jump)
    return Geometry(round(coarsest), round(minimum), round(max(before, after)))


def _span(module: nn.Conv2d | nn.ConvTranspose2d | nn.MaxPool2d | nn.AvgPool2d) -> int:
    """Return the distance from the first to the last pixel of the kernel."""
    return (_longest(module.kernel_size) - 1) * _longest(getattr(module, "dilation", 1))


def _padding(module: nn.Conv2d | nn.ConvTranspose2d | nn.MaxPool2d | nn.AvgPool2d) -> int:
    if module.padding == "same":
        return _span(module) // 2
    return 0 if module.padding == "valid" else _longest(module.padding)


def _longest(value: object) -> int:
    """Return the larger of (height, width), or the number that holds for both."""
    sides = value if isinstance(value, tuple) else (value,)
    return max(int(side) for side in sides)
