"""Convert RGB to CIE Lab (D65) and back; Lab is scaled to L / 50 - 1 and (a, b) / 110.

``rgb_to_lab`` and ``lab_to_rgb`` use scikit-image in float64 on the host. ``traced_lightness`` and
``traced_lab_to_rgb`` do the same with torch operations only, in float32, for exported networks: the
formulas of IEC 61966-2-1 and CIE 15 with the constants of scikit-image. The results differ by less
than a hundredth of a grey level.
"""

import warnings

import numpy as np
import torch
from torch import Tensor

from util.pixel_values import from_unit, to_unit

_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169),
        (0.019334, 0.119193, 0.950227))
_WHITE = (0.95047, 1.0, 1.08883)


def rgb_to_lab(image: Tensor) -> tuple[Tensor, Tensor]:
    """Convert RGB float32 [3, H, W] in -1..1 to A [1, H, W] and B [2, H, W], both in -1..1."""
    from skimage.color import rgb2lab

    rgb = to_unit(image.double()).permute(1, 2, 0).cpu().numpy()
    lab = torch.from_numpy(rgb2lab(rgb).astype(np.float32)).permute(2, 0, 1)
    return (lab[:1] / 50 - 1).contiguous(), (lab[1:] / 110).contiguous()


def lab_to_rgb(A: Tensor, B: Tensor) -> Tensor:
    """Convert A [N, 1, H, W] and B [N, 2, H, W] to RGB float32 [N, 3, H, W] on A's device.

    Synchronises the device, because it computes on the host. Colours outside of RGB are clipped.
    """
    from skimage.color import lab2rgb

    lab = torch.cat([(A.detach().double() + 1) * 50, B.detach().double() * 110], dim=1)
    with warnings.catch_warnings():
        # An untrained generator produces colours outside of RGB; clipping them is correct.
        warnings.filterwarnings("ignore", message="Conversion from CIE-LAB", category=UserWarning)
        rgb = lab2rgb(lab.permute(0, 2, 3, 1).cpu().numpy())
    pixels = torch.from_numpy(rgb).permute(0, 3, 1, 2).float()
    return from_unit(pixels).contiguous().to(A.device)


def traced_lightness(pictures: Tensor) -> Tensor:
    """Convert RGB float32 [N, 3, H, W] in -1..1 to L [N, 1, H, W] in -1..1."""
    rgb = to_unit(pictures)
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055).clamp(min=0) ** 2.4, rgb / 12.92)
    red, green, blue = (weight * linear[:, i : i + 1] for i, weight in enumerate(_XYZ[1]))
    y = red + green + blue
    root = torch.where(y > 0.008856, y.clamp(min=0) ** (1 / 3), 7.787 * y + 16 / 116)
    return (116 * root - 16) / 50 - 1


def traced_lab_to_rgb(A: Tensor, B: Tensor) -> Tensor:
    """Convert A [N, 1, H, W] and B [N, 2, H, W] to RGB float32 [N, 3, H, W], clipped to -1..1."""
    middle = ((A + 1) * 50 + 16) / 116
    roots = torch.cat(
        [middle + B[:, :1] * 110 / 500, middle, (middle - B[:, 1:] * 110 / 200).clamp(min=0)], dim=1
    )
    xyz = torch.where(roots > 0.2068966, roots**3, (roots - 16 / 116) / 7.787)
    white = torch.tensor(_WHITE).type_as(A).reshape(1, 3, 1, 1)  # .to(A.device) is traced as cpu
    to_rgb = torch.tensor(_XYZ, dtype=torch.float64).inverse().type_as(A)
    linear = torch.nn.functional.conv2d(xyz * white, to_rgb.reshape(3, 3, 1, 1))
    curved = 1.055 * linear.clamp(min=1e-8) ** (1 / 2.4) - 0.055
    rgb = torch.where(linear > 0.0031308, curved, linear * 12.92)
    return from_unit(rgb.clamp(0, 1))
