"""Every generator translates images of any size."""

import pytest
import torch
from torch import nn

from inference.padding import mirrored, padded_side, reflect_to, translate_any_size
from models.networks import GENERATORS, define_G, side_multiple
from models.networks.geometry import Geometry, geometry
from models.networks.resnet import ResnetGenerator


def generator(name: str, norm: str = "instance", *, dropout: bool = False) -> nn.Module:
    torch.manual_seed(0)
    return define_G(2, 3, 2, name, norm, use_dropout=dropout, init_gain=0.3)


@torch.no_grad()
@pytest.mark.parametrize("size", [(1, 1), (31, 57), (5, 300), (257, 130)])
@pytest.mark.parametrize("name", GENERATORS)
def test_any_image_keeps_its_size(name: str, size: tuple[int, int]) -> None:
    image = torch.rand(2, 2, *size) * 2 - 1
    fake = translate_any_size(generator(name), image)
    assert fake.shape == (2, 3, *size)
    assert fake.isfinite().all()
    assert fake.abs().max() <= 1


@torch.no_grad()
@pytest.mark.parametrize("size", [(501, 501), (257, 1023)])
@pytest.mark.parametrize("name", ["resnet_6blocks", "unet_128"])
def test_large_images_of_odd_sides_keep_their_size(name: str, size: tuple[int, int]) -> None:
    assert translate_any_size(generator(name), torch.rand(1, 2, *size)).shape == (1, 3, *size)


@torch.no_grad()
@pytest.mark.parametrize(("name", "size"), [("resnet_9blocks", (36, 20)), ("unet_128", (128, 256))])
def test_an_accepted_size_is_not_padded(name: str, size: tuple[int, int]) -> None:
    net, image = generator(name), torch.randn(1, 2, *size)
    assert torch.equal(translate_any_size(net, image), net(image))


@torch.no_grad()
def test_padding_changes_only_pixels_near_the_border() -> None:
    net, image = generator("resnet_6blocks", "none"), torch.randn(1, 2, 200, 201)
    reach = geometry(net).reach
    whole = net(image[..., :200])
    padded = translate_any_size(net, image)
    torch.testing.assert_close(padded[..., : 200 - reach], whole[..., : 200 - reach])


def test_reflection_is_repeated() -> None:
    assert mirrored(-3, 8, 3).tolist() == [1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1]
    image = torch.arange(6.0).reshape(1, 1, 2, 3)
    wide = reflect_to(image, 3, 8)
    assert wide[0, 0, 0].tolist() == [0, 1, 2, 1, 0, 1, 2, 1]
    assert torch.equal(wide[0, 0, 2], wide[0, 0, 0])
    assert reflect_to(torch.full((1, 1, 1, 1), 7.0), 4, 4).unique().tolist() == [7]
    expected = nn.functional.pad(image, (0, 2, 0, 1), mode="reflect")
    assert torch.equal(reflect_to(image, 3, 5), expected)


def test_padding_to_a_smaller_size_is_an_error() -> None:
    with pytest.raises(ValueError, match="3 x 2 pixels cannot become 2 x 2"):
        reflect_to(torch.zeros(1, 1, 2, 3), 2, 2)


@pytest.mark.parametrize("name", GENERATORS)
def test_geometry_of_the_generators(name: str) -> None:
    needs = geometry(generator(name))
    assert needs.multiple == side_multiple(name)
    minimum = 8 if name.startswith("resnet") else needs.multiple
    assert padded_side(1, needs) == minimum
    generator(name)(torch.randn(1, 2, minimum, minimum))


@pytest.mark.parametrize(("name", "reach"), [("resnet_6blocks", 60), ("resnet_9blocks", 84)])
def test_reach_equals_the_receptive_field_of_a_resnet(name: str, reach: int) -> None:
    """An output pixel depends on input pixels up to ``reach``, and on no others."""
    net = generator(name, "none").double()
    assert isinstance(net, ResnetGenerator)
    assert geometry(net).reach == reach
    for parameter in net.parameters():
        nn.init.uniform_(parameter)  # positive: every ReLU passes its gradient
    image = torch.ones(1, 2, 256, 256, dtype=torch.float64, requires_grad=True)
    distances = []
    for place in range(124, 128):  # the four positions on the grid of the network
        logits = net.model[:-1](image)
        (slope,) = torch.autograd.grad(logits[0, 0, place, place], image)
        rows = slope[0].amax(dim=(0, 2)).nonzero()
        distances += [place - int(rows.min()), int(rows.max()) - place]
    assert max(distances) == reach


def test_geometry_of_other_networks() -> None:
    pooled = nn.Sequential(
        nn.Conv2d(1, 1, 5, padding="same"), nn.MaxPool2d(2), nn.Conv2d(1, 1, 3, padding=1),
        nn.Upsample(scale_factor=2),
    )
    assert geometry(pooled).multiple == 2
    own = nn.Identity()
    own.geometry = Geometry(multiple=16, minimum=32, reach=40)  # type: ignore[assignment]
    assert translate_any_size(own, torch.zeros(1, 1, 3, 3)).shape == (1, 1, 3, 3)
    assert padded_side(33, geometry(own)) == 48
