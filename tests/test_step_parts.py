"""--grad_accum, --checkpoint_activations, and forward passes with two batches at once."""

import pytest
import torch
from conftest import Argv
from tiny_models import build, run
from torch import Tensor, nn

import models
from models.base_model import BaseModel
from models.execution import speed
from models.networks import DISCRIMINATORS, GENERATORS, define_D, define_G
from train import train

TRAINABLE = [name for name in models.available() if name != "test"]


@pytest.mark.parametrize("model", TRAINABLE)
@pytest.mark.parametrize("gan_mode", ["lsgan", "wgangp"])
def test_accumulated_steps_are_those_of_the_whole_batch(model: str, gan_mode: str) -> None:
    """Split 3 images into 2 parts: the last batch of an epoch may be shorter."""
    flags = f"--model {model} --norm instance --no_dropout --gan_mode {gan_mode} "
    whole = build(flags, torch.float64)
    parts = build(flags + "--grad_accum 2", torch.float64)
    torch.manual_seed(1)
    wanted = run(whole, 3, images=3)
    torch.manual_seed(1)
    torch.testing.assert_close(run(parts, 3, images=3), wanted, rtol=1e-9, atol=1e-12)


def test_only_a_part_of_the_batch_is_in_a_network_at_once() -> None:
    model = build("--model template --grad_accum 4")
    sizes: list[int] = []
    first = next(m for m in model.networks["G"].modules() if isinstance(m, nn.Conv2d))
    first.register_forward_hook(lambda *call: sizes.append(len(call[2])))
    run(model, 1, images=8)
    assert sizes == [2] * 8  # a forward pass of each part, and another one for its gradients


def test_an_accumulated_step_is_one_step_of_the_clock(
    argv: Argv, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    original = models.find_model("template").set_input

    def set_input(model: BaseModel, batch: dict[str, Tensor]) -> None:
        sizes.append(len(batch["A"]))
        original(model, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(models.find_model("template"), "set_input", set_input)
    train(argv("--model", "template", "--grad_accum", "2", "--n_epochs", "2"))
    assert sizes == [2, 1, 2, 1]


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("netG", ["resnet_6blocks", "unet_128"])
def test_recomputed_gradients_and_statistics_are_the_same(netG: str, norm: str) -> None:
    def learn(checkpoint: bool) -> tuple[list[Tensor], list[Tensor], int]:
        torch.manual_seed(0)
        net = define_G(3, 3, 2, netG, norm, use_dropout=True)
        speed.Speed(checkpoint=checkpoint).prepare(net, torch.device("cpu"))
        kept: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            images = net(torch.rand(2, 3, 128, 128))
        images.square().mean().backward()
        gradients = [weight.grad for weight in net.parameters() if weight.grad is not None]
        return gradients, list(net.buffers()), sum(kept.values())

    gradients, statistics, memory = learn(checkpoint=True)
    plain_gradients, plain_statistics, plain_memory = learn(checkpoint=False)
    assert memory < 0.8 * plain_memory
    torch.testing.assert_close(gradients, plain_gradients, rtol=0, atol=0)
    torch.testing.assert_close(statistics, plain_statistics, rtol=0, atol=0)


# ---- one pass instead of two -------------------------------------------------------------------


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
@pytest.mark.parametrize("name", ["resnet_6blocks", "basic"])
def test_one_pass_has_the_results_of_two_passes(name: str, norm: str) -> None:
    torch.manual_seed(0)
    if name in GENERATORS:
        net = define_G(3, 3, 2, name, norm)
    else:
        assert name in DISCRIMINATORS
        net = define_D(3, 2, name, norm=norm)
    net.double()
    calls: list[int] = []
    net.register_forward_hook(lambda *call: calls.append(len(call[2])))
    first, second = torch.rand(2, 2, 3, 32, 32, dtype=torch.float64)
    outputs = speed.in_one_pass(net, first, second)
    assert calls == ([2, 2] if norm == "batch" else [4])
    torch.testing.assert_close(outputs, [net(first), net(second)], rtol=1e-9, atol=1e-12)


def test_images_of_two_sizes_take_two_passes() -> None:
    net = define_D(3, 2, "basic", norm="instance")
    small, large = speed.in_one_pass(net, torch.rand(1, 3, 32, 32), torch.rand(2, 3, 64, 32))
    assert (len(small), len(large)) == (1, 2)


def test_cycle_gan_needs_three_passes_of_the_generators() -> None:
    model = build("--model cycle_gan")
    sizes: dict[str, list[int]] = {"G_A": [], "G_B": [], "D_A": []}
    for name, passes in sizes.items():
        model.networks[name].register_forward_hook(
            lambda *call, passes=passes: passes.append(len(call[2]))
        )
    run(model, 1, images=1)
    assert sizes == {"G_A": [2, 1], "G_B": [3], "D_A": [1, 2]}
