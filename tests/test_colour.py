import numpy as np
import torch

from data.colour import lab_to_rgb, rgb_to_lab


def rgb(*levels: int) -> torch.Tensor:
    """One pixel, in -1..1."""
    return torch.tensor(levels).view(3, 1, 1) / 127.5 - 1


def test_every_corner_of_rgb_comes_back() -> None:
    steps = np.array([0, 1, 50, 127, 128, 200, 254, 255], dtype=np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(16, 32, 3)
    wanted = torch.from_numpy(colours).permute(2, 0, 1)
    A, B = rgb_to_lab(wanted / 127.5 - 1)
    back = (lab_to_rgb(A[None], B[None])[0] + 1) * 127.5
    assert (back - wanted).abs().max() <= 1  # grey level


def test_shapes_ranges_and_types() -> None:
    A, B = rgb_to_lab(torch.rand(3, 4, 6) * 2 - 1)
    assert (A.shape, B.shape) == ((1, 4, 6), (2, 4, 6))
    assert A.dtype == B.dtype == torch.float32
    assert max(A.abs().max(), B.abs().max()) <= 1
    colours = lab_to_rgb(torch.stack([A, A]), torch.stack([B, B]))
    assert colours.shape == (2, 3, 4, 6)
    assert colours.dtype == torch.float32


def test_known_colours() -> None:
    A, B = rgb_to_lab(rgb(255, 255, 255))
    assert torch.allclose(A, torch.ones(1, 1, 1), atol=1e-4)
    assert torch.allclose(B, torch.zeros(2, 1, 1), atol=1e-4)
    # sRGB red is L 53.24, a 80.09, b 67.20 (D65).
    A, B = rgb_to_lab(rgb(255, 0, 0))
    lab = torch.cat([(A + 1) * 50, B * 110]).flatten()
    assert torch.allclose(lab, torch.tensor([53.24, 80.09, 67.20]), atol=0.02)


def test_impossible_colours_are_clipped_without_a_warning() -> None:
    A = torch.full((1, 1, 2, 2), -0.9, requires_grad=True)
    clipped = lab_to_rgb(A, torch.ones(1, 2, 2, 2).bfloat16())
    assert not clipped.requires_grad
    assert clipped.min() >= -1
    assert clipped.max() <= 1
