"""Twelve training steps equal the published formulas.

The formulas are written here a second time, in the simplest way and without code of the models: one
pass after another, one optimizer step after another. The test uses float64, because the models
combine some passes and use other kernels. This changes the rounding, and a GAN doubles such
differences about every second step.
"""

import copy
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss, mse_loss

from models import create_model
from models.base_model import BaseModel
from options.train_options import TrainOptions

STEPS = 12


def build(tmp_path: Path, flags: str) -> BaseModel:
    tiny = "--netG resnet_6blocks --netD n_layers --n_layers_D 1 --ngf 2 --ndf 2 --no_dropout"
    words = f"--dataroot {tmp_path} --gpu_ids -1 --pool_size 0 {tiny} {flags}"
    opt: Namespace = TrainOptions().parse(words.split())
    torch.manual_seed(0)
    model = create_model(opt)
    for net in model.networks.values():
        net.double()
    return model


def batches(channels: tuple[int, int]) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(7)
    a, b = channels
    return [
        (
            torch.rand(2, a, 16, 16, generator=generator, dtype=torch.float64) * 2 - 1,
            torch.rand(2, b, 16, 16, generator=generator, dtype=torch.float64) * 2 - 1,
        )
        for _ in range(STEPS)
    ]


def ours(model: BaseModel, data: list[tuple[Tensor, Tensor]]) -> list[dict[str, float]]:
    rows = []
    for a, b in data:
        model.set_input({"A": a, "B": b, "A_paths": ["a"] * 2, "B_paths": ["b"] * 2})
        model.optimize_parameters()
        rows.append(model.get_current_losses())
    return rows


def adam(*nets: nn.Module) -> torch.optim.Adam:
    weights = [weight for net in nets for weight in net.parameters()]
    return torch.optim.Adam(weights, lr=0.0002, betas=(0.5, 0.999))


def gan(mode: str, logits: Tensor, is_real: bool) -> Tensor:
    target = torch.full_like(logits, float(is_real))
    if mode == "vanilla":
        return binary_cross_entropy_with_logits(logits, target)
    return mse_loss(logits, target)


def plain_pix2pix(
    G: nn.Module, D: nn.Module, mode: str, data: list[tuple[Tensor, Tensor]]
) -> list[dict[str, float]]:
    optimizer_G, optimizer_D = adam(G), adam(D)
    rows = []
    for a, b in data:
        fake = G(a)
        optimizer_D.zero_grad()
        D_fake = gan(mode, D(torch.cat((a, fake), 1).detach()), False)
        D_real = gan(mode, D(torch.cat((a, b), 1)), True)
        ((D_fake + D_real) * 0.5).backward()
        optimizer_D.step()
        optimizer_G.zero_grad()
        G_GAN = gan(mode, D(torch.cat((a, fake), 1)), True)
        G_L1 = l1_loss(fake, b) * 100
        (G_GAN + G_L1).backward()
        optimizer_G.step()
        losses = {"G_GAN": G_GAN, "G_L1": G_L1, "D_real": D_real, "D_fake": D_fake}
        rows.append({name: loss.item() for name, loss in losses.items()})
    return rows


def plain_cycle_gan(
    nets: dict[str, nn.Module], identity: float, data: list[tuple[Tensor, Tensor]]
) -> list[dict[str, float]]:
    G_A, G_B, D_A, D_B = (nets[name] for name in ("G_A", "G_B", "D_A", "D_B"))
    optimizer_G, optimizer_D = adam(G_A, G_B), adam(D_A, D_B)
    rows = []
    for a, b in data:
        fake_b = G_A(a)
        rec_a = G_B(fake_b)
        fake_a = G_B(b)
        rec_b = G_A(fake_a)
        idt_a, idt_b = l1_loss(G_A(b), b) * 5 * identity, l1_loss(G_B(a), a) * 10 * identity
        losses = {
            "G_A": gan("lsgan", D_A(fake_b), True),
            "G_B": gan("lsgan", D_B(fake_a), True),
            "cycle_A": l1_loss(rec_a, a) * 10,
            "cycle_B": l1_loss(rec_b, b) * 5,
            "idt_A": idt_a,
            "idt_B": idt_b,
        }
        optimizer_G.zero_grad()
        sum(losses.values(), start=torch.zeros(())).backward()
        optimizer_G.step()
        optimizer_D.zero_grad()
        for name, D, real, fake in (("D_A", D_A, b, fake_b), ("D_B", D_B, a, fake_a)):
            pair = gan("lsgan", D(real), True) + gan("lsgan", D(fake.detach()), False)
            losses[name] = pair * 0.5
            losses[name].backward()
        optimizer_D.step()
        rows.append({name: loss.item() for name, loss in losses.items()})
    return rows


def assert_equal(
    found: list[dict[str, float]], wanted: list[dict[str, float]], order: str
) -> None:
    assert list(found[0]) == order.split()
    for step, (row, plain) in enumerate(zip(found, wanted, strict=True)):
        assert row == pytest.approx(plain, rel=1e-9), f"step {step}"
    # The losses change between steps, so the test does not compare the initial weights only.
    assert found[0] != found[-1]


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("mode", ["vanilla", "lsgan"])
def test_pix2pix(norm: str, mode: str, tmp_path: Path) -> None:
    model = build(tmp_path, f"--model pix2pix --norm {norm} --gan_mode {mode}")
    nets = copy.deepcopy(model.networks)
    data = batches((3, 3))
    wanted = plain_pix2pix(nets["G"], nets["D"], mode, data)
    assert_equal(ours(model, data), wanted, "G_GAN G_L1 D_real D_fake")


@pytest.mark.parametrize("identity", [0.5, 0.0])
def test_cycle_gan(identity: float, tmp_path: Path) -> None:
    model = build(tmp_path, f"--model cycle_gan --lambda_B 5 --lambda_identity {identity}")
    nets = copy.deepcopy(model.networks)
    data = batches((3, 3))
    wanted = plain_cycle_gan(nets, identity, data)
    order = "D_A G_A cycle_A idt_A D_B G_B cycle_B idt_B"
    assert_equal(ours(model, data), wanted, order)


def test_colorization(tmp_path: Path) -> None:
    model = build(tmp_path, "--model colorization")
    nets = copy.deepcopy(model.networks)
    data = batches((1, 2))
    wanted = plain_pix2pix(nets["G"], nets["D"], "vanilla", data)
    assert_equal(ours(model, data), wanted, "G_GAN G_L1 D_real D_fake")
