"""Effects of the flags of pix2pix and cycle_gan on one step."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from models import create_model
from models.base_model import BaseModel
from models.cycle_gan_model import CycleGANModel
from models.pix2pix_model import Pix2PixModel
from options.train_options import TrainOptions


def build(tmp_path: Path, flags: str) -> BaseModel:
    tiny = "--netG resnet_6blocks --netD n_layers --n_layers_D 1 --ngf 2 --ndf 2 --no_dropout"
    opt = TrainOptions().parse(f"--dataroot {tmp_path} --gpu_ids -1 {tiny} {flags}".split())
    torch.manual_seed(0)
    return create_model(opt)


def step(model: BaseModel) -> dict[str, float]:
    generator = torch.Generator().manual_seed(1)
    a, b = (torch.rand(1, 3, 16, 16, generator=generator) * 2 - 1 for _ in "AB")
    model.set_input({"A": a, "B": b, "A_paths": ["a"], "B_paths": ["b"]})
    torch.manual_seed(2)
    model.optimize_parameters()
    return model.get_current_losses()


@pytest.mark.parametrize(("flag", "loss"), [("lambda_GAN", "G_GAN"), ("lambda_L1", "G_L1")])
def test_a_weight_scales_its_loss(flag: str, loss: str, tmp_path: Path) -> None:
    single = step(build(tmp_path, f"--model pix2pix --{flag} 1"))[loss]
    triple = step(build(tmp_path, f"--model pix2pix --{flag} 3"))[loss]
    assert triple == pytest.approx(3 * single, rel=1e-5)


@pytest.mark.parametrize("flags", ["", "--unconditional_D"])
def test_D_sees_the_output_with_or_without_the_input(flags: str, tmp_path: Path) -> None:
    model = build(tmp_path, f"--model pix2pix {flags}")
    assert isinstance(model, Pix2PixModel)
    seen: list[Tensor] = []
    model.netD.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach().clone()))
    step(model)
    wanted = [model.fake_B, model.real_B, model.fake_B]
    if not flags:
        wanted = [torch.cat([model.real_A, image], dim=1) for image in wanted]
    assert len(seen) == 3
    for actual, expected in zip(seen, wanted, strict=True):
        assert torch.equal(actual, expected)


def test_the_penalty_of_wgangp_reaches_every_discriminator(tmp_path: Path) -> None:
    def losses(model: str, weight: int) -> dict[str, float]:
        flags = f"--model {model} --gan_mode wgangp --norm instance --lambda_gp {weight}"
        return step(build(tmp_path, flags))

    pix2pix, without = losses("pix2pix", 10), losses("pix2pix", 0)
    assert pix2pix["D_GP"] > 0
    assert without["D_GP"] == 0
    cycle, free = losses("cycle_gan", 10), losses("cycle_gan", 0)
    for name in ("D_A", "D_B"):
        assert cycle[name] - free[name] > 0.01


def test_each_discriminator_learns_from_its_own_pool(tmp_path: Path) -> None:
    model = build(tmp_path, "--model cycle_gan --pool_size 3")
    assert isinstance(model, CycleGANModel)
    step(model)
    assert torch.equal(model.fake_B_pool.images[0], model.fake_B.detach()[0])
    assert torch.equal(model.fake_A_pool.images[0], model.fake_A.detach()[0])
    seen: list[Tensor] = []
    model.netD_A.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    marked = torch.full_like(model.fake_B.detach()[0], 0.25)
    model.fake_B_pool.images, model.fake_B_pool.filled = [marked] * 3, 3
    model.fake_B_pool.random.random = lambda: 0.9  # type: ignore[method-assign]
    step(model)
    assert any(torch.equal(image, marked) for images in seen for image in images)


def test_btoa_swaps_the_sides(tmp_path: Path) -> None:
    model = build(tmp_path, "--model pix2pix --direction BtoA")
    assert isinstance(model, Pix2PixModel)
    a, b = torch.zeros(1, 3, 16, 16), torch.ones(1, 3, 16, 16)
    model.set_input({"A": a, "B": b, "A_paths": ["a"], "B_paths": ["b"]})
    assert torch.equal(model.real_A, b)
    assert torch.equal(model.real_B, a)
    assert model.get_image_paths() == ["b"]
