"""RGB <-> CIE Lab (D65), scaled to the range of a generator: L / 50 - 1 and (a, b) / 110."""

import warnings

import numpy as np
import torch
from torch import Tensor


def rgb_to_lab(image: Tensor) -> tuple[Tensor, Tensor]:
    """RGB float32 [3, H, W] in -1..1 -> A float32 [1, H, W], B float32 [2, H, W], both in -1..1."""
    from skimage.color import rgb2lab

    rgb = ((image.double() + 1) / 2).permute(1, 2, 0).cpu().numpy()
    lab = torch.from_numpy(rgb2lab(rgb).astype(np.float32)).permute(2, 0, 1)
    return (lab[:1] / 50 - 1).contiguous(), (lab[1:] / 110).contiguous()


def lab_to_rgb(A: Tensor, B: Tensor) -> Tensor:
    """A [N, 1, H, W], B [N, 2, H, W] -> RGB float32 [N, 3, H, W] in -1..1, on A's device.

    Synchronises: it computes on the host. Colours that no screen can show are clipped.
    """
    from skimage.color import lab2rgb

    lab = torch.cat([(A.detach().double() + 1) * 50, B.detach().double() * 110], dim=1)
    with warnings.catch_warnings():
        # An untrained generator asks for impossible colours; clipping them is what is wanted.
        warnings.filterwarnings("ignore", message="Conversion from CIE-LAB", category=UserWarning)
        rgb = lab2rgb(lab.permute(0, 2, 3, 1).cpu().numpy())
    return (torch.from_numpy(rgb).permute(0, 3, 1, 2).float() * 2 - 1).contiguous().to(A.device)
