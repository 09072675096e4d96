import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss, relu

from models.losses import GAN_MODES, check_gan_mode, gradient_penalty

LOGITS = torch.linspace(-3, 3, 12).reshape(2, 1, 2, 3)


def labels(value: float) -> Tensor:
    return torch.full_like(LOGITS, value)


@pytest.mark.parametrize(
    ("mode", "loss"),
    [("vanilla", binary_cross_entropy_with_logits), ("lsgan", mse_loss)],
)
def test_labelled_objectives_equal_the_losses_of_torch(mode: str, loss: nn.Module) -> None:
    gan = GAN_MODES[mode]
    torch.testing.assert_close(gan.real(LOGITS), loss(LOGITS, labels(1.0)))
    torch.testing.assert_close(gan.fake(LOGITS), loss(LOGITS, labels(0.0)))
    torch.testing.assert_close(gan.generator(LOGITS), loss(LOGITS, labels(1.0)))


def test_wasserstein_is_the_difference_of_means() -> None:
    gan = GAN_MODES["wgangp"]
    shifted = LOGITS + 2
    assert (gan.real(shifted) + gan.fake(LOGITS)).item() == pytest.approx(-2)
    assert gan.generator(shifted).item() == pytest.approx(-2)


def test_hinge_stops_at_the_margin() -> None:
    gan = GAN_MODES["hinge"]
    torch.testing.assert_close(gan.real(LOGITS), relu(1 - LOGITS).mean())
    torch.testing.assert_close(gan.fake(LOGITS), relu(1 + LOGITS).mean())
    assert gan.real(labels(1.5)).item() == 0
    assert gan.generator(labels(1.5)).item() == -1.5


class Linear(nn.Module):
    """A critic with the same slope everywhere: |gradient| = ``slope`` for one pixel."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope))

    def forward(self, image: Tensor) -> Tensor:
        return self.slope * image[:, :1, :1, :1]


@pytest.mark.parametrize(("slope", "penalty"), [(1.0, 0.0), (3.0, 4.0), (0.0, 1.0)])
def test_gradient_penalty_of_a_known_slope(slope: float, penalty: float) -> None:
    critic = Linear(slope)
    loss = gradient_penalty(critic, torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4))
    assert loss.item() == pytest.approx(penalty, abs=1e-5)
    loss.backward()
    assert critic.slope.grad is not None
    assert critic.slope.grad.item() == pytest.approx(2 * (slope - 1) * (slope > 0), abs=1e-5)


@pytest.mark.parametrize("norm", ["batch", "syncbatch"])
def test_penalty_refuses_norms_that_mix_images(norm: str) -> None:
    with pytest.raises(ValueError, match="--norm instance"):
        check_gan_mode("wgangp", norm)
    check_gan_mode("wgangp", "instance")
    check_gan_mode("vanilla", norm)
