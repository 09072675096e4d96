"""Generators and discriminators: sizes, receptive fields, refused shapes, initial weights."""

import pytest
import torch
from torch import Tensor, nn

from models.networks import DISCRIMINATORS, GENERATORS, define_D, define_G
from models.networks.layers import INITS, NORMS
from models.networks.resnet import ResnetGenerator
from models.networks.unet import DownBlock, UnetGenerator, UpBlock


def parameters_of(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize(
    ("name", "norm", "count"),
    [
        ("resnet_9blocks", "instance", 11_378_179),
        ("resnet_9blocks", "batch", 11_383_427),
        ("resnet_6blocks", "instance", 7_837_699),
        ("resnet_6blocks", "batch", 7_841_411),
        ("unet_256", "instance", 54_409_603),
        ("unet_256", "batch", 54_413_955),
        ("unet_128", "instance", 41_825_667),
        ("unet_128", "batch", 41_828_995),
    ],
)
def test_generators_have_the_published_size(name: str, norm: str, count: int) -> None:
    with torch.device("meta"):
        net = define_G(3, 3, 64, name, norm)
    assert parameters_of(net) == count


@pytest.mark.parametrize(
    ("name", "in_channels", "norm", "count"),
    [
        ("basic", 3, "instance", 2_764_737),
        ("basic", 3, "batch", 2_765_633),
        ("basic", 6, "instance", 2_767_809),
        ("basic", 6, "batch", 2_768_705),
        ("pixel", 6, "batch", 9_024),
        ("pixel", 3, "instance", 8_705),
    ],
)
def test_discriminators_have_the_published_size(
    name: str, in_channels: int, norm: str, count: int
) -> None:
    assert parameters_of(define_D(in_channels, 64, name, norm=norm)) == count


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_learns_from_one_image(name: str, norm: str) -> None:
    """Batch size 1 at the smallest size, where the bottom of the U-Net has one pixel."""
    side = int(name.rpartition("_")[2]) if name.endswith(("128", "256")) else 32
    net = define_G(1, 2, 2, name, norm, use_dropout=True)
    fake = net(torch.randn(1, 1, side, side))
    fake.square().mean().backward()
    assert fake.shape == (1, 2, side, side)
    assert fake.abs().max() <= 1
    assert all(parameter.grad is not None for parameter in net.parameters())


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("layers", "side"), [(1, 126), (2, 62), (3, 30), (4, 14), (5, 6), (6, 2)])
def test_logits_have_the_published_side(layers: int, side: int, norm: str) -> None:
    net = define_D(3, 1, "n_layers", layers, norm)
    assert net(torch.randn(1, 3, 256, 256)).shape == (1, 1, side, side)


@pytest.mark.parametrize(
    ("name", "field"),
    [("basic", 70), ("n_layers", 70), ("pixel", 1)]
    + [(name, int(name.removeprefix("patch_"))) for name in DISCRIMINATORS if "patch" in name],
)
def test_one_logit_sees_a_patch_of_the_size_in_the_name(name: str, field: int) -> None:
    net = define_D(1, 1, name, norm="none")
    image = torch.randn(1, 1, 320, 320, requires_grad=True)
    logits = net(image)
    middle = logits.shape[-1] // 2
    logits[0, 0, middle, middle].backward()
    assert image.grad is not None
    seen = image.grad[0, 0].nonzero()
    assert (seen.amax(dim=0) - seen.amin(dim=0) + 1).tolist() == [field, field]


def tiny_unet(*, dropout: bool = False, skips: bool = True) -> UnetGenerator:
    return UnetGenerator(3, 3, 7, 2, "instance", dropout, skips=skips)


@pytest.mark.parametrize(("depth", "blocks"), [(7, [1, 2]), (8, [1, 2, 3])])
def test_the_inner_decoder_blocks_have_dropout(depth: int, blocks: list[int]) -> None:
    net = UnetGenerator(3, 3, depth, 1, "instance", use_dropout=True)
    decoder = [block for block in net.decoder if isinstance(block, UpBlock)]
    assert [i for i, b in enumerate(decoder) if isinstance(b.dropout, nn.Dropout)] == blocks


def test_only_skips_carry_detail() -> None:
    """Without skips all information passes the bottom; with zero weights there, none remains."""
    image = torch.randn(1, 3, 128, 128)
    for skips in (True, False):
        net = tiny_unet(skips=skips)
        bottom = net.decoder[0]
        assert isinstance(bottom, UpBlock)
        nn.init.zeros_(bottom.conv.weight)
        change = (net(image) - net(image.flip(3))).abs().max()
        assert (change > 0) == skips


def test_forward_changes_neither_input_nor_skips() -> None:
    net = tiny_unet()
    kept: list[tuple[Tensor, Tensor]] = []
    for block in net.encoder:
        assert isinstance(block, DownBlock)
        block.register_forward_hook(lambda _m, _x, out: kept.append((out, out.detach().clone())))
    image = torch.randn(1, 3, 128, 128)
    before = image.clone()
    net(image)
    assert torch.equal(image, before)
    assert len(kept) == 7
    assert all(torch.equal(now, then) for now, then in kept)


@pytest.mark.parametrize(("height", "width"), [(256, 260), (128, 128)])
def test_unet_error_names_the_rule_for_sides(height: int, width: int) -> None:
    net = UnetGenerator(1, 1, 8, 1, "instance")
    with pytest.raises(ValueError, match=rf"divisible by 256 .* got {width} x {height} pixels"):
        net(torch.zeros(1, 1, height, width))


def test_resnet_accepts_its_smallest_image_and_names_it_in_the_error() -> None:
    net = ResnetGenerator(1, 1, 1, "instance", n_blocks=1)
    assert net(torch.randn(1, 1, 5, 5)).shape == (1, 1, 8, 8)
    assert net(torch.randn(1, 1, 32, 34)).shape == (1, 1, 32, 36)
    with pytest.raises(ValueError, match="at least 5 pixels, got 4 x 5"):
        net(torch.zeros(1, 1, 5, 4))


def test_patch_discriminator_accepts_its_smallest_image_and_names_it_in_the_error() -> None:
    net = define_D(1, 1, "patch_70", norm="instance")
    assert net(torch.randn(1, 1, 24, 24)).shape == (1, 1, 1, 1)
    with pytest.raises(ValueError, match=r"at least 24 pixels .* got 23 x 24"):
        net(torch.zeros(1, 1, 24, 23))


def test_errors_for_unknown_names_list_the_choices() -> None:
    with pytest.raises(ValueError, match=r"no generator is called 'unet'; choose from .*unet_128"):
        define_G(3, 3, 1, "unet", "instance")
    with pytest.raises(ValueError, match="no norm is called 'layer'; choose from instance, batch"):
        define_D(3, 1, "basic", norm="layer")
    with pytest.raises(ValueError, match="no init_type is called 'uniform'"):
        define_D(3, 1, "basic", norm="instance", init_type="uniform")
    with pytest.raises(ValueError, match="at least 1 layer"):
        define_D(3, 1, "n_layers", 0, "instance")


@pytest.mark.parametrize("norm", ["batch", "syncbatch"])
def test_every_batch_norm_starts_around_one(norm: str) -> None:
    torch.manual_seed(0)
    net = define_D(3, 64, "basic", norm=norm, init_gain=0.02)
    layers = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d | nn.SyncBatchNorm)]
    scales = torch.cat([layer.weight.detach() for layer in layers])
    assert len(layers) == 3
    assert scales.mean().item() == pytest.approx(1.0, abs=0.005)
    assert scales.std().item() == pytest.approx(0.02, rel=0.1)
    assert all(not layer.bias.any() for layer in layers)


@pytest.mark.parametrize("init_type", INITS)
def test_initial_weights_have_the_standard_deviation_of_their_rule(init_type: str) -> None:
    torch.manual_seed(0)
    net = define_D(3, 64, "basic", norm="instance", init_type=init_type, init_gain=0.5)
    conv = next(m for m in net.modules() if isinstance(m, nn.Conv2d) and m.in_channels == 128)
    fan_in, fan_out = 128 * 16, 256 * 16
    spread = {
        "normal": 0.5,
        "xavier": 0.5 * (2 / (fan_in + fan_out)) ** 0.5,
        "kaiming": (2 / fan_in) ** 0.5,
        "orthogonal": 0.5 / fan_in**0.5,
    }
    assert conv.weight.std().item() == pytest.approx(spread[init_type], rel=0.02)
    assert conv.bias is not None
    assert not conv.bias.any()


@pytest.mark.parametrize("name", ["unet_128", "resnet_6blocks", "basic"])
def test_the_compiler_sees_one_graph(name: str) -> None:
    if name in GENERATORS:
        net = define_G(1, 1, 1, name, "instance")
    else:
        net = define_D(1, 1, name, norm="instance")
    image = torch.randn(1, 1, 128, 128)
    compiled = torch.compile(net, backend="eager", fullgraph=True)
    assert torch.equal(compiled(image), net(image))
