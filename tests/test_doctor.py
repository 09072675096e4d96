"""The doctor: each complaint by a training that is made ill, and none by a healthy one."""

import re
from collections.abc import Callable

import pytest
import torch
from patients import CYCLE_GAN, PIX2PIX, Patient, hook_generators
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from models.base_model import BaseModel
from training.doctor.overfitting import Gap

# ---- healthy -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "batch"),
    [(PIX2PIX, 2), (PIX2PIX, 1), (PIX2PIX + " --gan_mode lsgan --norm instance", 2),
     (CYCLE_GAN, 1), ("--model template", 2)],
)
def test_silent_on_a_healthy_training(flags: str, batch: int) -> None:
    patient = Patient(flags, batch=batch)
    patient.learn(looks=12)
    assert patient.complaints == []
    assert {name.split()[0] for name in patient.doctor.measured} >= {
        "gradient", "weights", "waiting", "spread", "correlation", "grid"
    }


# ---- ill ---------------------------------------------------------------------------------------


def test_exploding_gradients() -> None:
    patient = Patient(PIX2PIX + " --lr 1")
    patient.learn(looks=4, steps=1)
    assert patient.complaints == ["exploding gradients"], "their effects are not said beside them"
    assert re.match(r"the weights of [GD] are \d+\.?\d* times their first", patient.said[0].seen)
    assert "lower --lr" in patient.said[0].remedy


def test_exploding_gradients_by_their_own_size() -> None:
    patient = Patient("--model template")
    patient.learn(looks=3, steps=1)
    weight = next(patient.model.networks["G"].parameters())
    assert weight.grad is not None
    for _ in range(3):
        weight.grad.mul_(1e6)
        patient.look()
    assert patient.complaints == ["exploding gradients"]
    assert "gradient of G is" in patient.said[0].seen


@pytest.mark.parametrize("mode", ["vanilla", "lsgan", "hinge"])
def test_discriminator_has_won(mode: str) -> None:
    """Against a generator that does not learn."""
    patient = Patient(f"{PIX2PIX} --ndf 8 --lr 0.01 --gan_mode {mode}")
    stop_learning(patient.model)
    patient.learn(looks=12, steps=8)
    assert patient.complaints == ["discriminator has won"]
    seen = patient.said[0].seen
    assert re.search(r"loss of D is [01]\.\d\d%.* on real and .* on generated", seen)
    assert "--lambda_GAN 0" in patient.said[0].remedy


def stop_learning(model: BaseModel) -> None:
    for group in model.optimizers["G"].param_groups:
        group["lr"] = 0.0


def test_a_critic_has_no_bound_to_win_by() -> None:
    patient = Patient("--model pix2pix --norm instance --gan_mode wgangp")
    patient.learn(looks=2)
    assert not any(name.startswith("loss of") for name in patient.doctor.measured)


@pytest.mark.parametrize(("flags", "batch"), [(PIX2PIX, 2), (PIX2PIX, 1), (CYCLE_GAN, 2)])
def test_mode_collapse(flags: str, batch: int) -> None:
    """All inputs become the same output."""
    patient = Patient(flags, batch=batch)
    # As of 1000 pictures ago: one batch from now on differs from the next by training alone.
    hook_generators(patient.model, lambda net, inputs, output: output * 0.01 + 0.3)
    patient.learn(looks=12, steps=1)
    assert patient.complaints == ["mode collapse"]
    assert ("--lambda_A" in patient.said[0].remedy) is ("cycle" in flags)


def test_inverted_colours_of_pairs() -> None:
    patient = Patient(PIX2PIX)
    invert(patient, lambda inputs: -inputs)
    patient.B = patient.A
    patient.learn(looks=12, steps=1)
    assert patient.complaints == ["inverted colours"]
    assert "of its target correlate by -" in patient.said[0].seen


def test_inverted_colours_there_and_back() -> None:
    patient = Patient(CYCLE_GAN)
    invert(patient, lambda inputs: -inputs)
    patient.learn(looks=12, steps=1)
    assert patient.complaints == ["inverted colours"]
    assert "of its input correlate by -" in patient.said[0].seen
    assert "--lambda_identity" in patient.said[0].remedy


def test_one_inverted_direction_may_be_right() -> None:
    """From photos to maps, say; a network and its way back are inverted together."""
    patient = Patient(CYCLE_GAN)
    net = patient.model.networks["G_A"]
    net.register_forward_hook(lambda net, inputs, output: 0.1 * output - inputs[0])
    other = patient.model.networks["G_B"]
    other.register_forward_hook(lambda net, inputs, output: 0.1 * output + inputs[0])
    patient.learn(looks=8, steps=1)
    assert patient.complaints == []


def invert(patient: Patient, negative: Callable[[Tensor], Tensor]) -> None:
    hook_generators(patient.model, lambda net, inputs, output: 0.1 * output + negative(inputs[0]))


def test_checkerboard() -> None:
    patient = Patient(PIX2PIX)
    patient.learn(looks=2)
    spoil_upsampling(patient.model.networks["G"])
    patient.learn(looks=6, steps=1)
    assert patient.complaints == ["checkerboard"]
    assert re.search(r"a grid of 2 or 4 pixels stands \d+\.\d grey levels", patient.said[0].seen)


def spoil_upsampling(net: nn.Module) -> None:
    """What the last transposed convolution writes to every fourth pixel is all that is shown."""
    convolutions = nn.Conv2d | nn.ConvTranspose2d
    up, last = [module for module in net.modules() if isinstance(module, convolutions)][-2:]
    with torch.no_grad():
        for layer in (up, last):
            centre = tuple(side // 2 for side in layer.kernel_size)
            layer.weight.zero_()
            layer.weight[..., centre[0], centre[1]] = 0.2


def test_waiting_for_pictures() -> None:
    patient = Patient("--model template")
    patient.learn(looks=1)
    for _ in range(4):
        patient.step()
        patient.step()
        patient.step()
        patient.look(data_seconds_per_image=0.4)
    assert patient.complaints == ["waiting for pictures"]
    assert patient.said[0].seen == "40% of the time goes into it"
    assert patient.said[0].remedy == "loading_advice"


def test_a_slow_file_in_a_short_time_is_nothing() -> None:
    patient = Patient("--model template")
    patient.learn(looks=1)
    for _ in range(20):
        patient.step()
        patient.look(seconds_per_image=0.05, data_seconds_per_image=0.03)
    assert patient.complaints == []


def test_overfitting() -> None:
    """Four pairs that have nothing in common are learned by heart."""
    patient = Patient("--model template --ngf 8 --lr 0.002 --norm batch")
    patient.A, patient.B = torch.rand(2, 4, 3, 32, 32) * 2 - 1
    A, B = torch.rand(2, 8, 3, 32, 32) * 2 - 1
    for _ in range(16):
        for _ in range(10):
            patient.step()
        with torch.no_grad():
            value = float(l1_loss(patient.model.networks["G"](A), B)) / 2
        patient.look(validation={"val_l1": value})
    assert patient.complaints == ["overfitting"]
    assert re.match(r"val_l1 is \d+% above its best, while the loss of the training has fallen by "
                    r"\d+% since", patient.said[0].seen)


@pytest.mark.parametrize(
    ("losses", "values", "ill"),
    [
        ([5, 4, 3, 2, 1, 1, 1], [5, 4, 4, 5, 6, 6, 6], True),
        ([5, 4, 3, 2, 1, 1, 1], [5, 4, 4, 4, 4, 4, 4.1], False),  # stands still
        ([5, 4, 4, 5, 6, 6, 6], [5, 4, 4, 5, 6, 6, 6], False),  # gets worse together
        ([5, 4, 3, 2, 2, 1, 1], [5, 4, 4, 9, 4, 4, 3], False),  # jumps once
    ],
)
def test_a_gap_opens_where_only_one_of_both_gets_worse(
    losses: list[float], values: list[float], ill: bool
) -> None:
    gap = Gap()
    found = []
    for loss, value in zip(losses, values, strict=True):
        gap.add_loss(loss)
        found.append(gap.validated("val_l1", value).ill)
    assert found[:2] == [None, None]
    assert found[-1] is ill
