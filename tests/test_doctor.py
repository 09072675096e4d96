"""Each diagnosis is made for a training with that problem, and none for a normal training."""

import re
from collections.abc import Callable

import pytest
import torch
from patients import CYCLE_GAN, PIX2PIX, Patient, hook_generators
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from models.base_model import BaseModel
from training.doctor.overfitting import OverfittingCheck

# ---- without problems --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "batch"),
    [(PIX2PIX, 2), (PIX2PIX, 1), (PIX2PIX + " --gan_mode lsgan --norm instance", 2),
     (CYCLE_GAN, 1), ("--model template", 2)],
)
def test_a_normal_training_gets_no_advice(flags: str, batch: int) -> None:
    patient = Patient(flags, batch=batch)
    patient.learn(checks=12)
    assert patient.complaints == []
    assert {name.split()[0] for name in patient.doctor.measured} >= {
        "gradient", "weights", "waiting", "spread", "correlation", "grid"
    }


# ---- with a problem ----------------------------------------------------------------------------


def test_exploding_gradients() -> None:
    patient = Patient(PIX2PIX + " --lr 1")
    patient.learn(checks=4, steps=1)
    assert patient.complaints == ["exploding gradients"], "their effects must not be reported"
    assert re.match(r"the weights of [GD] are \d+\.?\d* times their size", patient.advice[0].seen)
    assert "lower --lr" in patient.advice[0].remedy


def test_exploding_gradients_are_found_by_their_norm() -> None:
    patient = Patient("--model template")
    patient.learn(checks=3, steps=1)
    weight = next(patient.model.networks["G"].parameters())
    assert weight.grad is not None
    for _ in range(3):
        weight.grad.mul_(1e6)
        patient.check()
    assert patient.complaints == ["exploding gradients"]
    assert "gradient of G is" in patient.advice[0].seen


@pytest.mark.parametrize("mode", ["vanilla", "lsgan", "hinge"])
def test_discriminator_has_won(mode: str) -> None:
    """The generator does not learn."""
    patient = Patient(f"{PIX2PIX} --ndf 8 --lr 0.01 --gan_mode {mode}")
    stop_learning(patient.model)
    patient.learn(checks=12, steps=8)
    assert patient.complaints == ["discriminator has won"]
    seen = patient.advice[0].seen
    assert re.search(r"loss of D is [01]\.\d\d%.* on real and .* on generated", seen)
    assert "--lambda_GAN 0" in patient.advice[0].remedy


def stop_learning(model: BaseModel) -> None:
    for group in model.optimizers["G"].param_groups:
        group["lr"] = 0.0


def test_a_critic_is_not_checked() -> None:
    patient = Patient("--model pix2pix --norm instance --gan_mode wgangp")
    patient.learn(checks=2)
    assert not any(name.startswith("loss of") for name in patient.doctor.measured)


@pytest.mark.parametrize(("flags", "batch"), [(PIX2PIX, 2), (PIX2PIX, 1), (CYCLE_GAN, 2)])
def test_mode_collapse(flags: str, batch: int) -> None:
    """All inputs become the same output."""
    patient = Patient(flags, batch=batch)
    hook_generators(patient.model, lambda net, inputs, output: output * 0.01 + 0.3)
    patient.learn(checks=12, steps=1)
    assert patient.complaints == ["mode collapse"]
    assert ("--lambda_A" in patient.advice[0].remedy) is ("cycle" in flags)


def test_inverted_colours_of_pairs() -> None:
    patient = Patient(PIX2PIX)
    invert(patient, lambda inputs: -inputs)
    patient.B = patient.A
    patient.learn(checks=12, steps=1)
    assert patient.complaints == ["inverted colours"]
    assert "of its target is -" in patient.advice[0].seen


def test_inverted_colours_in_both_directions() -> None:
    patient = Patient(CYCLE_GAN)
    invert(patient, lambda inputs: -inputs)
    patient.learn(checks=12, steps=1)
    assert patient.complaints == ["inverted colours"]
    assert "of its input is -" in patient.advice[0].seen
    assert "--lambda_identity" in patient.advice[0].remedy


def test_one_inverted_direction_may_be_right() -> None:
    """It may be the task, such as photos to maps. Real inversion affects both directions."""
    patient = Patient(CYCLE_GAN)
    net = patient.model.networks["G_A"]
    net.register_forward_hook(lambda net, inputs, output: 0.1 * output - inputs[0])
    other = patient.model.networks["G_B"]
    other.register_forward_hook(lambda net, inputs, output: 0.1 * output + inputs[0])
    patient.learn(checks=8, steps=1)
    assert patient.complaints == []


def invert(patient: Patient, negative: Callable[[Tensor], Tensor]) -> None:
    hook_generators(patient.model, lambda net, inputs, output: 0.1 * output + negative(inputs[0]))


def test_checkerboard() -> None:
    patient = Patient(PIX2PIX)
    patient.learn(checks=2)
    spoil_upsampling(patient.model.networks["G"])
    patient.learn(checks=6, steps=1)
    assert patient.complaints == ["checkerboard"]
    assert re.search(r"a grid of 2 or 4 pixels has \d+\.\d grey levels", patient.advice[0].seen)


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
    patient = Patient("--model template")
    patient.learn(checks=1)
    for _ in range(4):
        patient.step()
        patient.step()
        patient.step()
        patient.check(data_seconds_per_image=0.4)
    assert patient.complaints == ["waiting for pictures"]
    assert patient.advice[0].seen == "it takes 40% of the time"
    assert patient.advice[0].remedy == "loading_advice"


def test_a_slow_file_in_a_short_time_is_ignored() -> None:
    patient = Patient("--model template")
    patient.learn(checks=1)
    for _ in range(20):
        patient.step()
        patient.check(seconds_per_image=0.05, data_seconds_per_image=0.03)
    assert patient.complaints == []


def test_overfitting() -> None:
    """The network memorises four pairs of noise."""
    patient = Patient("--model template --ngf 8 --lr 0.002 --norm batch")
    patient.A, patient.B = torch.rand(2, 4, 3, 32, 32) * 2 - 1
    A, B = torch.rand(2, 8, 3, 32, 32) * 2 - 1
    for _ in range(16):
        for _ in range(10):
            patient.step()
        with torch.no_grad():
            value = float(l1_loss(patient.model.networks["G"](A), B)) / 2
        patient.check(validation={"val_l1": value})
    assert patient.complaints == ["overfitting"]
    assert re.match(r"val_l1 is \d+% above its best, while the training loss has fallen by "
                    r"\d+% since then", patient.advice[0].seen)


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
