"""Convolutions that compute several rows of an image at a time."""

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from inference.prepare import move_to_device, prepare
from models.execution.row_conv import RowConv2d, use_row_conv
from models.networks import define_G


def by_rows(conv: nn.Conv2d) -> nn.Module:
    """Return a copy of ``conv`` that computes several rows at a time."""
    net = nn.Sequential(copy.deepcopy(conv))
    use_row_conv(net, torch.device("cpu"))
    assert isinstance(net[0], RowConv2d)
    return net


def gradients(net: nn.Module, x: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    y = net(x)
    loss = (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum()
    return list(torch.autograd.grad(loss, [x, *net.parameters()]))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("height", [7, 9, 24])
@pytest.mark.parametrize(("channels", "kernel"), [(1, 7), (2, 7), (3, 7), (4, 7), (3, 5)])
def test_results_and_gradients_are_equal(
    channels: int, kernel: int, height: int, bias: bool, layout: torch.memory_format
) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(5, channels, kernel, bias=bias).to(memory_format=layout)
    rows = by_rows(conv)
    x = torch.randn(2, 5, height, 11).to(memory_format=layout)
    assert rows(x).shape == conv(x).shape
    assert (rows(x) - conv(x)).abs().max() <= 1e-5
    for got, expected in zip(gradients(rows, x), gradients(conv, x), strict=True):
        assert (got - expected).abs().max() <= 1e-4


def test_other_inputs_have_the_same_results_and_errors() -> None:
    conv = nn.Conv2d(5, 3, 7)
    rows = by_rows(conv)
    image = torch.randn(5, 9, 9)
    assert torch.equal(rows(image), conv(image))
    with pytest.raises(RuntimeError, match=r"7 x 7"):
        rows(torch.randn(1, 5, 6, 9))


def test_bfloat16_stays_bfloat16() -> None:
    conv = nn.Conv2d(5, 3, 7)
    x = torch.randn(1, 5, 9, 9)
    with torch.autocast("cpu", torch.bfloat16):
        got = by_rows(conv)(x)
        assert got.dtype == torch.bfloat16
        assert (got - conv(x)).abs().max() <= 0.03


def test_copies_and_pickles_have_their_own_weights() -> None:
    rows = by_rows(nn.Conv2d(5, 3, 7))
    x = torch.randn(1, 5, 9, 9)
    before = rows(x)
    other, loaded = copy.deepcopy(rows), pickle.loads(pickle.dumps(rows))
    nn.init.zeros_(next(rows.parameters()))
    assert torch.equal(other(x), before) and torch.equal(loaded(x), before)
    assert not torch.equal(rows(x), before)


class OwnConv2d(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        return -super().forward(x)


@pytest.mark.parametrize("conv", [
    nn.Conv2d(4, 8, 7), nn.Conv2d(4, 3, 3), nn.Conv2d(4, 3, 7, stride=2), nn.Conv2d(3, 4, 7),
    nn.Conv2d(4, 3, 7, padding=3), nn.Conv2d(4, 3, 7, dilation=2), nn.Conv2d(4, 2, 7, groups=2),
    OwnConv2d(4, 3, 7), spectral_norm(nn.Conv2d(4, 3, 7)),
])
def test_other_convolutions_are_not_changed(conv: nn.Conv2d) -> None:
    before = type(conv)
    use_row_conv(conv, torch.device("cpu"))
    assert type(conv) is before


@torch.no_grad()
def test_a_network_moved_to_the_cpu_has_equal_results() -> None:
    torch.manual_seed(0)
    plain = define_G(2, 3, 5, "resnet_6blocks", "instance", init_gain=0.3)
    net = prepare(plain, running_statistics=False)
    images = torch.randn(4, 2, 24, 24)
    expected = net(images)
    move_to_device(net, torch.device("cpu"))
    assert sum(isinstance(module, RowConv2d) for module in net.modules()) == 1, "the last one"
    assert (net(images) - expected).abs().max() <= 1e-4
