"""models.networks as programs of users call it that were written for the original."""

import functools
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD

from models import networks
from models.losses import GAN_MODES, gradient_penalty
from models.schedules import SCHEDULES, EpochCounts
from models.weights.published_keys import with_published_names

BATCH = functools.partial(nn.BatchNorm2d, affine=True, track_running_stats=True)


class NestedNet(nn.Module):
    """A U-Net of a user, built from the levels."""

    def __init__(self, norm_layer: Any, depth: int = 6, width: int = 2) -> None:
        super().__init__()
        level = networks.UnetSkipConnectionBlock
        block = level(width * 8, width * 8, input_nc=None, submodule=None, norm_layer=norm_layer,
                      innermost=True)
        for _ in range(depth - 5):
            block = level(width * 8, width * 8, None, block, norm_layer=norm_layer)
        for factor in (4, 2, 1):
            block = level(width * factor, width * factor * 2, None, block, norm_layer=norm_layer)
        self.model = level(3, width, input_nc=3, submodule=block, outermost=True,
                           norm_layer=norm_layer)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.model(x)
        return y


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_a_nest_of_levels_is_our_unet(norm: str) -> None:
    torch.manual_seed(0)
    norm_layer = networks.get_norm_layer(norm)
    nest, ours = NestedNet(norm_layer), networks.UnetGenerator(3, 3, 6, 2, norm_layer)
    networks.init_weights(nest, init_gain=0.3)
    assert list(nest.state_dict()) == list(ours.state_dict())
    ours.load_state_dict(nest.state_dict())
    image = torch.randn(2, 3, 64, 64)
    outputs = [nest(image), ours(image), ours.model(image)]
    torch.testing.assert_close(outputs[1:], [outputs[0]] * 2)
    gradients = [torch.autograd.grad(output.square().sum(), list(net.parameters()))
                 for output, net in zip(outputs, (nest, ours, ours), strict=True)]
    torch.testing.assert_close(gradients[1:], [gradients[0]] * 2)


class Halved(networks.UnetGenerator):
    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.model(x) / 2
        return y


class Replaced(networks.UnetGenerator):
    def __init__(self, input_nc: int, output_nc: int, num_downs: int) -> None:
        super().__init__(input_nc, output_nc, num_downs)
        self.model = nn.Conv2d(input_nc, output_nc, 1)  # type: ignore[assignment]


class Block(networks.ResnetBlock):
    def build_conv_block(self, dim: int, *settings: Any) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(dim, dim, 1), *super().build_conv_block(dim, *settings))


class Longer(networks.ResnetGenerator):
    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.model = nn.Sequential(*self.model[:-1], nn.Conv2d(3, 3, 1))
        self.block = Block(3, "zero", BATCH, False, False)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        y: Tensor = self.block(self.model(x))
        return y


class Pixels(networks.NLayerDiscriminator):
    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.model = nn.Sequential(nn.Conv2d(3, 1, 1))


def test_subclasses_change_what_they_want() -> None:
    image = torch.randn(1, 3, 16, 16)
    half = Halved(3, 3, 2, 2, networks.get_norm_layer("instance"))
    assert torch.equal(half(image), networks.UnetGenerator.forward(half, image) / 2)
    half.model.model[-1] = nn.Identity()
    assert half(image * 50).abs().max() > 1  # no tanh
    replaced = Replaced(3, 3, 2)
    assert torch.equal(replaced(image), replaced.model(image))
    assert list(replaced.state_dict()) == ["model.weight", "model.bias"]
    assert replaced(image[..., :7]).shape == (1, 3, 16, 7)  # not a multiple of 4
    assert Pixels()(image[..., :7]).shape == (1, 1, 16, 7)
    longer = Longer(3, 3, 2, n_blocks=1)
    assert longer(image).shape == image.shape
    assert {"model.19.weight", "block.conv_block.0.weight"} <= longer.state_dict().keys()


@pytest.mark.parametrize("padding", ["reflect", "replicate", "zero"])
@pytest.mark.parametrize("dropout", [False, True])
def test_borders_of_residual_blocks(padding: str, dropout: bool) -> None:
    net = networks.ResnetGenerator(3, 3, 2, nn.InstanceNorm2d, dropout, 1, padding)
    block: Any = net.eval().model[10]
    keys = [key for key in block.state_dict() if key.endswith("weight")]
    first, second = (0, 3) if padding == "zero" else (1, 5)
    assert keys == [f"conv_block.{place}.weight" for place in (first, second + dropout)]
    mode = {"zero": "constant"}.get(padding, padding)
    x = image = torch.randn(1, 8, 6, 6)
    for place in (first, second + dropout):
        conv = block.conv_block[place]
        x = functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode), conv.weight, conv.bias)
        x = functional.instance_norm(x)
        x = x.relu() if place == first else x
    torch.testing.assert_close(block(image), image + x)
    with pytest.raises(ValueError, match="no padding is called 'same'; choose from reflect"):
        networks.ResnetBlock(8, "same", BATCH, False, False)


def test_networks_of_users_read_the_norm() -> None:
    layers = {name: networks.get_norm_layer(name) for name in ("instance", "batch", "syncbatch")}
    assert all(type(layer) is functools.partial for layer in layers.values())
    functions = {name: getattr(layer, "func", None) for name, layer in layers.items()}
    assert functions == {"instance": nn.InstanceNorm2d, "batch": nn.BatchNorm2d,
                         "syncbatch": nn.SyncBatchNorm}
    assert isinstance(networks.get_norm_layer("none")(7), networks.Identity)
    image = torch.randn(1, 3, 32, 32)
    for layer in (nn.InstanceNorm2d, functools.partial(nn.GroupNorm, 1), BATCH):
        biases = "model.2.bias" in networks.NLayerDiscriminator(3, 2, 2, layer).state_dict()
        assert biases == (layer is nn.InstanceNorm2d)
        assert networks.PixelDiscriminator(3, 2, layer)(image).shape == (1, 1, 32, 32)
    with pytest.raises(ValueError, match=r"no norm is called 'batchnorm'.*did you mean batch"):
        networks.get_norm_layer("batchnorm")


def test_positional_calls_with_gpu_ids() -> None:
    for gpu_ids in ([], [0], None):
        G = networks.define_G(3, 1, 2, "resnet_6blocks", "instance", False, "normal", 0.02, gpu_ids)
        D = networks.define_D(3, 2, "n_layers", 1, "batch", "xavier", 0.02, gpu_ids)
    assert G(torch.zeros(1, 3, 8, 8)).shape == (1, 1, 8, 8)
    assert D(torch.zeros(1, 3, 8, 8)).shape == (1, 1, 2, 2)
    assert any(isinstance(module, nn.BatchNorm2d) for module in networks.define_D(3, 2, "basic")
               .modules())


class EqualConv(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(50, 50)), nn.Parameter(torch.ones(2))


def test_initial_weights_of_layers_of_users() -> None:
    net: Any = nn.Sequential(EqualConv(), nn.Conv3d(1, 9, 5), nn.BatchNorm2d(2, affine=False),
                        nn.Bilinear(2, 2, 2))
    before = net[3].weight.clone()
    torch.manual_seed(0)
    returned = networks.init_net(net, "normal", 0.5)
    assert [returned] == [net]
    assert net[0].weight.std().item() == pytest.approx(0.5, rel=0.1)
    assert net[1].weight.std().item() == pytest.approx(0.5, rel=0.1)
    assert not net[0].bias.any()
    assert torch.equal(net[3].weight, before)
    with pytest.raises(ValueError, match="no init_type is called 'he'"):
        networks.init_net(net, "he")


@pytest.mark.parametrize("mode", ["lsgan", "vanilla", "wgangp"])
def test_the_criterion_equals_the_functions_of_our_models(mode: str) -> None:
    criterion = networks.GANLoss(mode).to(torch.device("cpu"))
    logits = torch.randn(2, 1, 3, 4, requires_grad=True)
    for is_real, ours in ((True, GAN_MODES[mode].real), (False, GAN_MODES[mode].fake)):
        assert torch.equal(criterion(logits, is_real), ours(logits))
        assert criterion.get_target_tensor(logits, is_real).tolist() == (
            torch.full_like(logits, float(is_real)).tolist())
    assert criterion(logits, True).requires_grad


def test_labels_of_the_criterion() -> None:
    logits = torch.randn(2, 1, 3, 4)
    criterion = networks.GANLoss("lsgan", target_real_label=0.9, target_fake_label=0.1)
    assert criterion(logits, True) == (logits - 0.9).square().mean()
    assert criterion(logits, False) == (logits - 0.1).square().mean()
    assert sorted(criterion.state_dict()) == ["fake_label", "real_label"]
    with pytest.raises(ValueError, match=r"'hinge', because .* choose from lsgan, vanilla, wgangp"):
        networks.GANLoss("hinge")


def test_gradient_penalty() -> None:
    critic: Any = nn.Sequential(nn.Flatten(), nn.Linear(12, 1))
    real, fake = torch.randn(2, 3, 3, 2, 2)
    slope = critic[1].weight.norm().item()
    for kind in ("real", "fake", "mixed"):
        found, gradients = networks.cal_gradient_penalty(critic, real, fake, "cpu", kind, 2.0, 5.0)
        assert isinstance(found, Tensor)
        assert found.item() == pytest.approx(5 * (slope - 2) ** 2, rel=1e-5)
        assert gradients is not None
        assert torch.equal(gradients, critic[1].weight.expand(3, 12))
        found.backward()
    assert not real.requires_grad
    curved = nn.Sequential(nn.Conv2d(3, 2, 2), nn.Tanh())
    torch.manual_seed(1)
    expected = gradient_penalty(curved, real, fake)
    torch.manual_seed(1)
    assert networks.cal_gradient_penalty(curved, real, fake, "cpu")[0] == 10 * expected
    assert networks.cal_gradient_penalty(curved, real, fake, "cpu", lambda_gp=0) == (0.0, None)


def rates(policy: str, *, first: int, epochs: int) -> list[float]:
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    opt = Namespace(lr_policy=policy, epoch_count=first, n_epochs=3, n_epochs_decay=2,
                    lr_decay_iters=2)
    scheduler = networks.get_scheduler(optimizer, opt)
    found = []
    for _ in range(epochs):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        metric = (1.0,) if policy == "plateau" else ()
        scheduler.step(*metric)
    return found


@pytest.mark.parametrize("policy", SCHEDULES)
def test_schedulers_have_the_rates_of_our_models(policy: str) -> None:
    counts = EpochCounts(constant=3, decay=2, period=2)
    expected = [SCHEDULES[policy](epoch, counts) for epoch in range(1, 6)]
    assert rates(policy, first=1, epochs=5) == pytest.approx(expected)
    assert rates(policy, first=3, epochs=3) == pytest.approx(expected[2:])


def test_rates_of_the_plateau_policy() -> None:
    found = rates("plateau", first=1, epochs=9)
    assert found == pytest.approx([1.0] * 7 + [0.2] * 2)
    with pytest.raises(ValueError, match="no lr_policy is called 'poly'; choose from linear"):
        rates("poly", first=1, epochs=1)


def test_states_of_earlier_versions_are_renamed() -> None:
    net = networks.UnetGenerator(3, 3, 3, 2)
    state = net.state_dict()
    former = {"model.model.0": "encoder.0.conv", "model.model.1.model.1": "encoder.1.conv",
              "model.model.1.model.2": "encoder.1.norm",
              "model.model.1.model.3.model.1": "encoder.2.conv",
              "model.model.1.model.3.model.3": "decoder.0.conv",
              "model.model.1.model.3.model.4": "decoder.0.norm",
              "model.model.1.model.5": "decoder.1.conv", "model.model.1.model.6": "decoder.1.norm",
              "model.model.3": "decoder.2.conv"}
    assert former.keys() == {key.rpartition(".")[0] for key in state}
    named = {former[key.rpartition(".")[0]] + "." + key.rpartition(".")[2]: value
             for key, value in state.items()}
    nets = {"G": net, "D": nn.Conv2d(1, 1, 1)}
    for saved in (named, state):
        found = with_published_names(nets, {"G": saved, "D": {"weight": 1}})
        assert list(found["G"].items()) == list(state.items())
        assert found["D"] == {"weight": 1}
    damaged: Callable[[Any], Any] = functools.partial(with_published_names, nets)
    assert damaged([1]) == [1]
    assert damaged({"G": {1: 2}}) == {"G": {1: 2}}


OWN = '''
import functools
from torch import nn
from models import networks
from models.networks.plugin import {base}

class Own({base}):
    def __init__(self, input_nc{more}, norm_layer=nn.BatchNorm2d):
        super().__init__()
        use_bias = type(norm_layer) == functools.partial and norm_layer.func == nn.InstanceNorm2d
        self.net = nn.Sequential(nn.Conv2d(input_nc, 3, 1, bias=use_bias), norm_layer(3))
'''


def test_a_network_file_may_use_the_names_of_the_original(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "__path__", [*networks.__path__, str(tmp_path)])
    generator = OWN.format(base="Generator", more=", output_nc, ngf=64, use_dropout=False")
    (tmp_path / "old_n_generator.py").write_text(generator)
    (tmp_path / "old_n_discriminator.py").write_text(
        OWN.format(base="Discriminator", more=", ndf=64"))
    for norm, bias in (("instance", True), ("batch", False)):
        for net in (networks.define_G(2, 1, 4, "old_n", norm), networks.define_D(2, 4, "old_n",
                                                                                 norm=norm)):
            assert ("net.0.bias" in net.state_dict()) == bias


NETWORKS_PY = '''
from torch import nn

class Thin(nn.Module):
    def __init__(self, input_nc, output_nc):
        super().__init__()
        self.model = nn.Conv2d(input_nc, output_nc, 3, stride=1, padding=1)
    def forward(self, input):
        return self.model(input).tanh()

class ResnetGenerator(Thin):
    pass

def define_G(input_nc, output_nc, ngf, netG, norm='batch', use_dropout=False, init_type='normal',
             init_gain=0.02, gpu_ids=[]):
    if netG == 'resnet_9blocks':
        net = ResnetGenerator(input_nc, output_nc)
    elif netG in ('thin', 'thinner'):
        net = Thin(input_nc, output_nc)
    return net

def define_D(input_nc, ndf, netD, n_layers_D=3, norm='batch', init_type='normal', init_gain=0.02):
    if netD == 'thin_D':
        return Thin(input_nc, 1)
'''


def test_networks_of_a_users_own_networks_py(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from models.networks import former_file

    (tmp_path / "networks.py").write_text(NETWORKS_PY)
    monkeypatch.setattr(former_file, "FILE", tmp_path / "networks.py")
    former_file.names_in_file.cache_clear()
    try:
        assert networks.available("generator")[-2:] == ["thin", "thinner"]
        assert networks.available("discriminator")[-1] == "thin_D"
        assert not caplog.messages
        image = torch.zeros(1, 2, 5, 5)
        assert networks.define_G(2, 1, 4, "thinner")(image).shape == (1, 1, 5, 5)
        assert networks.define_D(2, 4, "thin_D")(image).shape == (1, 1, 5, 5)
        assert networks.side_multiple("thin") == 1
        assert isinstance(networks.define_G(2, 1, 4, "thin"), networks.Thin)
        assert networks.ResnetGenerator.__module__ == "models.networks.resnet"
        assert [message.split(";")[0] for message in caplog.messages] == [
            "models/networks.py is used only for names that the folder models/networks/ does not "
            "have"]
        with pytest.raises(AttributeError, match=r"'models.networks' has no attribute 'Thick'"):
            _ = networks.Thick
    finally:
        former_file.names_in_file.cache_clear()
        former_file._module.cache_clear()
