"""Each diagnosis is made for a training with that problem, and none for a normal training."""

import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss
from watched_training import CYCLE_GAN, PIX2PIX, WatchedTraining, hook_generators

from models.base_model import BaseModel
from training.doctor.overfitting import OverfittingCheck

# ---- without problems --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "batch"),
    [(PIX2PIX, 2), (PIX2PIX, 1), (PIX2PIX + " --gan_mode lsgan --norm instance", 2),
     (CYCLE_GAN, 1), ("--model template", 2)],
)
def test_a_normal_training_gets_no_advice(flags: str, batch: int) -> None:
    training = WatchedTraining(flags, batch=batch)
    training.learn(checks=12)
    assert training.complaints == []
    assert {name.split()[0] for name in training.doctor.measured} >= {
        "gradient", "weights", "waiting", "spread", "correlation", "grid"
    }


# ---- with a problem ----------------------------------------------------------------------------


def test_exploding_gradients() -> None:
    training = WatchedTraining(PIX2PIX + " --lr 1")
    training.learn(checks=4, steps=1)
    assert training.complaints == ["exploding gradients"], "their effects must not be reported"
    assert re.match(r"the weights of [GD] are \d+\.?\d* times their size", training.advice[0].seen)
    assert "lower --lr" in training.advice[0].remedy


def test_exploding_gradients_are_found_by_their_norm() -> None:
    training = WatchedTraining("--model template")
    training.learn(checks=3, steps=1)
    weight = next(training.model.networks["G"].parameters())
    assert weight.grad is not None
    for _ in range(3):
        weight.grad.mul_(1e6)
        training.check()
    assert training.complaints == ["exploding gradients"]
    assert "gradient of G is" in training.advice[0].seen


@pytest.mark.parametrize("mode", ["vanilla", "lsgan", "hinge"])
def test_discriminator_has_won(mode: str) -> None:
    """The generator does not learn."""
    training = WatchedTraining(f"{PIX2PIX} --ndf 8 --lr 0.01 --gan_mode {mode}")
    stop_learning(training.model)
    training.learn(checks=12, steps=8)
    assert training.complaints == ["discriminator has won"]
    seen = training.advice[0].seen
    assert re.search(r"loss of D is [01]\.\d\d%.* on real and .* on generated", seen)
    assert "--lambda_GAN 0" in training.advice[0].remedy


def stop_learning(model: BaseModel) -> None:
    for group in model.optimizers["G"].param_groups:
        group["lr"] = 0.0


def test_a_critic_is_not_checked() -> None:
    training = WatchedTraining("--model pix2pix --norm instance --gan_mode wgangp")
    training.learn(checks=2)
    assert not any(name.startswith("loss of") for name in training.doctor.measured)


@pytest.mark.parametrize(("flags", "batch"), [(PIX2PIX, 2), (PIX2PIX, 1), (CYCLE_GAN, 2)])
def test_mode_collapse(flags: str, batch: int) -> None:
    """All inputs become the same output."""
    training = WatchedTraining(flags, batch=batch)
    hook_generators(training.model, lambda net, inputs, output: output * 0.01 + 0.3)
    training.learn(checks=12, steps=1)
    assert training.complaints == ["mode collapse"]
    assert ("--lambda_A" in training.advice[0].remedy) is ("cycle" in flags)


def test_inverted_colours_of_pairs() -> None:
    training = WatchedTraining(PIX2PIX)
    invert(training, lambda inputs: -inputs)
    training.B = training.A
    training.learn(checks=12, steps=1)
    assert training.complaints == ["inverted colours"]
    assert "of its target is -" in training.advice[0].seen


def test_inverted_colours_in_both_directions() -> None:
    training = WatchedTraining(CYCLE_GAN)
    invert(training, lambda inputs: -inputs)
    training.learn(checks=12, steps=1)
    assert training.complaints == ["inverted colours"]
    assert "of its input is -" in training.advice[0].seen
    assert "--lambda_identity" in training.advice[0].remedy


def test_one_inverted_direction_may_be_right() -> None:
    """The task may require it, such as photos to maps. A fault affects both directions."""
    training = WatchedTraining(CYCLE_GAN)
    net = training.model.networks["G_A"]
    net.register_forward_hook(lambda net, inputs, output: 0.1 * output - inputs[0])
    other = training.model.networks["G_B"]
    other.register_forward_hook(lambda net, inputs, output: 0.1 * output + inputs[0])
    training.learn(checks=8, steps=1)
    assert training.complaints == []


def invert(training: WatchedTraining, negative: Callable[[Tensor], Tensor]) -> None:
    hook_generators(training.model, lambda net, inputs, output: 0.1 * output + negative(inputs[0]))


def test_checkerboard() -> None:
    training = WatchedTraining(PIX2PIX)
    training.learn(checks=2)
    spoil_upsampling(training.model.networks["G"])
    training.learn(checks=6, steps=1)
    assert training.complaints == ["checkerboard"]
    assert re.search(r"a grid of 2 or 4 pixels has \d+\.\d grey levels", training.advice[0].seen)


def spoil_upsampling(net: nn.Module) -> None:
    """Make the output depend on every fourth pixel of the last transposed convolution only."""
    convolutions = nn.Conv2d | nn.ConvTranspose2d
    up, last = [module for module in net.modules() if isinstance(module, convolutions)][-2:]
    with torch.no_grad():
        for layer in (up, last):
            centre = tuple(side // 2 for side in layer.kernel_size)
            layer.weight.zero_()
            layer.weight[..., centre[0], centre[1]] = 0.2


def test_waiting_for_pictures() -> None:
    training = WatchedTraining("--model template")
    training.learn(checks=1)
    for _ in range(4):
        training.step()
        training.step()
        training.step()
        training.check(data_seconds_per_image=0.4)
    assert training.complaints == ["waiting for pictures"]
    assert training.advice[0].seen == "it takes 40% of the time"
    assert training.advice[0].remedy == "loading_advice"


def test_a_slow_file_in_a_short_time_is_ignored() -> None:
    training = WatchedTraining("--model template")
    training.learn(checks=1)
    for _ in range(20):
        training.step()
        training.check(seconds_per_image=0.05, data_seconds_per_image=0.03)
    assert training.complaints == []


def test_overfitting() -> None:
    """The network memorises four pairs of noise."""
    training = WatchedTraining("--model template --ngf 8 --lr 0.002 --norm batch")
    training.A, training.B = torch.rand(2, 4, 3, 32, 32) * 2 - 1
    A, B = torch.rand(2, 8, 3, 32, 32) * 2 - 1
    for _ in range(16):
        for _ in range(10):
            training.step()
        with torch.no_grad():
            value = float(l1_loss(training.model.networks["G"](A), B)) / 2
        training.check(validation={"val_l1": value})
    assert training.complaints == ["overfitting"]
    assert re.match(r"val_l1 is \d+% above its best, while the training loss has fallen by "
                    r"\d+% since then", training.advice[0].seen)


@pytest.mark.parametrize(
    ("losses", "values", "overfits"),
    [
        ([5, 4, 3, 2, 1, 1, 1], [5, 4, 4, 5, 6, 6, 6], True),
        ([5, 4, 3, 2, 1, 1, 1], [5, 4, 4, 4, 4, 4, 4.1], False),  # constant
        ([5, 4, 4, 5, 6, 6, 6], [5, 4, 4, 5, 6, 6, 6], False),  # both get worse
        ([5, 4, 3, 2, 2, 1, 1], [5, 4, 4, 9, 4, 4, 3], False),  # one outlier
    ],
)
def test_overfitting_is_a_validation_that_rises_while_the_loss_falls(
    losses: list[float], values: list[float], overfits: bool
) -> None:
    check = OverfittingCheck()
    results = []
    for loss, value in zip(losses, values, strict=True):
        check.add_loss(loss)
        results.append(check.check("val_l1", value).present)
    assert results[:2] == [None, None]
    assert results[-1] is overfits
