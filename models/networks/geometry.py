"""What the layers of a network mean for the sides of its pictures.

Followed through the layers: ``jump``, the distance in picture pixels between two neighbours of a
feature map, and the interval of pixels around its own place that a feature sees.
"""

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Geometry:
    """In pixels of the picture.

    ``multiple``: what both sides must be divisible by to come out as large as they went in.
    ``minimum``: the smallest sides that the reflected borders allow.
    ``reach``: an output pixel sees no input pixel that is further away, by rows or columns.
    """

    multiple: int
    minimum: int
    reach: int


def geometry(net: nn.Module) -> Geometry:
    """Read it off the convolutions, poolings, upsamplings and reflections of ``net``.

    They are taken to run in the order in which they are registered, as in an ``nn.Sequential``;
    a branch beside others then makes ``reach`` too large, never too small. A network whose layers
    run in another order says what is true in an attribute ``geometry``.
    """
    told = getattr(net, "geometry", None)
    if isinstance(told, Geometry):
        return told
    jump, coarsest, minimum = 1.0, 1.0, 1.0
    before, after = 0.0, 0.0  # how far it sees up or left, and down or right
    for module in net.modules():
        if isinstance(module, nn.ReflectionPad2d | nn.ReplicationPad2d | nn.ZeroPad2d):
            pad = max(module.padding)
            before, after = before + pad * jump, after - pad * jump
            if isinstance(module, nn.ReflectionPad2d):
                minimum = max(minimum, (pad + 1) * jump)
        elif isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            span, pad = _span(module), _padding(module)
            before, after = before + pad * jump, after + (span - pad) * jump
            jump *= _side(module.stride)
        elif isinstance(module, nn.ConvTranspose2d):
            jump /= _side(module.stride)
            span, pad = _span(module), _padding(module)
            before, after = before + (span - pad) * jump, after + pad * jump
        elif isinstance(module, nn.Upsample):
            before, after = before + jump, after + jump  # bilinear: both neighbours
            jump /= _side(module.scale_factor)
        coarsest = max(coarsest, jump)
    return Geometry(round(coarsest), round(minimum), round(max(before, after)))


def _span(module: nn.Conv2d | nn.ConvTranspose2d | nn.MaxPool2d | nn.AvgPool2d) -> int:
    """From the first to the last pixel of the kernel."""
    return (_side(module.kernel_size) - 1) * _side(getattr(module, "dilation", 1))


def _padding(module: nn.Conv2d | nn.ConvTranspose2d | nn.MaxPool2d | nn.AvgPool2d) -> int:
    if module.padding == "same":
        return _span(module) // 2
    return 0 if module.padding == "valid" else _side(module.padding)


def _side(value: object) -> int:
    """The larger of (height, width), or the number for both."""
    sides = value if isinstance(value, tuple) else (value,)
    return max(int(side) for side in sides)
