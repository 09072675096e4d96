"""Networks equal the formulas of the papers, written with torch.nn.functional."""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, instance_norm, leaky_relu, pad, relu

from models.networks import define_D
from models.networks.resnet import ResnetGenerator
from models.networks.unet import UnetGenerator
from models.weights.published_keys import to_published


def with_biases(net: nn.Module) -> dict[str, Tensor]:
    """Return published name -> weight. No bias is 0, so a missing bias changes the result."""
    torch.manual_seed(0)
    for parameter in net.parameters():
        nn.init.normal_(parameter, 0.0, 0.3)
    return {name: tensor.detach() for name, tensor in to_published(net).items()}


def conv(x: Tensor, weights: dict[str, Tensor], name: str, *, stride: int = 1, edge: int) -> Tensor:
    bias = weights.get(f"{name}.bias")
    return conv2d(x, weights[f"{name}.weight"], bias, stride=stride, padding=edge)


def up(x: Tensor, weights: dict[str, Tensor], name: str, *, output_padding: int = 0) -> Tensor:
    bias = weights.get(f"{name}.bias")
    return conv_transpose2d(
        x, weights[f"{name}.weight"], bias, stride=2, padding=1, output_padding=output_padding
    )


def mirrored(x: Tensor, border: int) -> Tensor:
    return pad(x, (border,) * 4, mode="reflect")


def test_patch_discriminator() -> None:
    net = define_D(3, 2, "patch_16", norm="instance")
    w = with_biases(net)
    image = torch.randn(1, 3, 16, 16)
    x = leaky_relu(conv(image, w, "model.0", stride=2, edge=1), 0.2)
    x = leaky_relu(instance_norm(conv(x, w, "model.2", edge=1)), 0.2)
    torch.testing.assert_close(net(image), conv(x, w, "model.5", edge=1))


def test_pixel_discriminator() -> None:
    net = define_D(3, 2, "pixel", norm="instance")
    w = with_biases(net)
    image = torch.randn(1, 3, 5, 7)
    x = leaky_relu(conv(image, w, "net.0", edge=0), 0.2)
    x = leaky_relu(instance_norm(conv(x, w, "net.2", edge=0)), 0.2)
    torch.testing.assert_close(net(image), conv(x, w, "net.5", edge=0))


def test_resnet_generator() -> None:
    net = ResnetGenerator(3, 3, 2, "instance", n_blocks=1)
    w = with_biases(net)
    image = torch.randn(1, 3, 12, 16)
    x = relu(instance_norm(conv(mirrored(image, 3), w, "model.1", edge=0)))
    for name in ("model.4", "model.7"):
        x = relu(instance_norm(conv(x, w, name, stride=2, edge=1)))
    change = conv(mirrored(x, 1), w, "model.10.conv_block.1", edge=0)
    change = mirrored(relu(instance_norm(change)), 1)
    x = x + instance_norm(conv(change, w, "model.10.conv_block.5", edge=0))
    for name in ("model.11", "model.14"):
        x = relu(instance_norm(up(x, w, name, output_padding=1)))
    torch.testing.assert_close(net(image), conv(mirrored(x, 3), w, "model.18", edge=0).tanh())


def test_unet_generator() -> None:
    net = UnetGenerator(3, 3, 3, 2, "instance")
    w = with_biases(net)
    image = torch.randn(1, 3, 16, 24)
    inside = "model.model.1.model"
    outer = conv(image, w, "model.model.0", stride=2, edge=1)
    middle = instance_norm(conv(leaky_relu(outer, 0.2), w, f"{inside}.1", stride=2, edge=1))
    inner = conv(leaky_relu(middle, 0.2), w, f"{inside}.3.model.1", stride=2, edge=1)
    x = instance_norm(up(relu(inner), w, f"{inside}.3.model.3"))
    x = instance_norm(up(relu(torch.cat([middle, x], 1)), w, f"{inside}.5"))
    x = up(relu(torch.cat([outer, x], 1)), w, "model.model.3")
    torch.testing.assert_close(net(image), x.tanh())
