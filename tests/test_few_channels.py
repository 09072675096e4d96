"""Convolutions to the channels of a picture, several rows at a time."""

import pytest
import torch
from torch import Tensor, nn

from models.networks import define_G
from models.networks.few_channels import quicken
from models.networks.inference import laid_out, prepare


def quick(conv: nn.Conv2d) -> nn.Conv2d:
    """A copy that shares the weights."""
    copy = nn.Conv2d(1, 1, 1)
    copy.__dict__ = {**conv.__dict__, "_parameters": conv._parameters}
    quicken(copy)
    return copy


def is_quick(module: nn.Module) -> bool:
    return "forward" in vars(module)


def gradients(net: nn.Module, x: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    y = net(x)
    loss = (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum()
    return list(torch.autograd.grad(loss, [x, *net.parameters()]))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("height", [7, 9, 24])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_results_and_gradients_stay(
    channels: int, height: int, bias: bool, layout: torch.memory_format
) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(5, channels, 7, bias=bias).to(memory_format=layout)
    quicker = quick(conv)
    assert is_quick(quicker) and not is_quick(conv)
    x = torch.randn(2, 5, height, 11).to(memory_format=layout)
    assert quicker(x).shape == conv(x).shape
    assert (quicker(x) - conv(x)).abs().max() <= 1e-5
    for got, expected in zip(gradients(quicker, x), gradients(conv, x), strict=True):
        assert (got - expected).abs().max() <= 1e-4


@pytest.mark.parametrize("conv", [
    nn.Conv2d(4, 8, 7), nn.Conv2d(4, 3, 3), nn.Conv2d(4, 3, 7, stride=2),
    nn.Conv2d(4, 3, 7, padding=3), nn.Conv2d(4, 3, 7, dilation=2), nn.Conv2d(3, 3, 7, groups=3),
])
def test_another_convolution_stays(conv: nn.Conv2d) -> None:
    quicken(conv)
    assert not is_quick(conv)


@torch.no_grad()
def test_a_network_laid_out_on_the_cpu_gives_the_same() -> None:
    torch.manual_seed(0)
    plain = define_G("resnet_6blocks", in_channels=2, out_channels=3, width=5, init_gain=0.3)
    net = prepare(plain, running_statistics=False)
    images = torch.randn(4, 2, 24, 24)
    expected = net(images)
    laid_out(net, torch.device("cpu"))
    assert sum(is_quick(module) for module in net.modules()) == 1, "the last of its convolutions"
    assert (net(images) - expected).abs().max() <= 1e-4
