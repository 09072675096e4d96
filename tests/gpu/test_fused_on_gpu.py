"""The kernels of --fused on a GPU: equal to torch, in every arithmetic and at full size."""

import pytest
import torch
from tiny_models import build, run

from models.execution.fusion_check import CASES, TOLERANCE, KernelCase, can_fuse, difference
from models.execution.norm_steps import Steps
from training.step import training_step

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU: "
                                "run make test-gpu on a machine that has one")
GPU = torch.device("cuda", 0)
LARGE = (
    KernelCase(Steps("instance", slopes=(0.0,), border=3), (3, 64, 256, 256)),
    KernelCase(Steps("instance"), (8, 256, 64, 64), residual=True),
    KernelCase(Steps("batch", slopes=(0.2, 0.0)), (16, 128, 64, 64), affine=True),
    KernelCase(Steps("batch", slopes=(0.0,)), (1, 512, 2, 2), affine=True),
    KernelCase(Steps(border=3), (2, 3, 256, 256)),
)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("case", [*CASES, *LARGE], ids=str)
def test_kernels_equal_torch(case: KernelCase, dtype: torch.dtype) -> None:
    assert difference(case, GPU, dtype) < TOLERANCE[dtype]


def test_the_kernels_are_used() -> None:
    assert can_fuse(GPU, torch.float32)
    model = build("--gpu_ids 0 --model cycle_gan --fused")
    names = {type(module).__name__ for net in model.networks.values() for module in net.modules()}
    assert {"FusedSequential", "FusedResnetBlock", "BlockConv2d"} <= names


@pytest.mark.parametrize("model", ["pix2pix --norm batch --no_dropout", "cycle_gan",
                                   "pix2pix --norm instance --no_dropout --gan_mode wgangp"])
def test_the_first_steps_of_a_training_equal_those_without(model: str) -> None:
    """Later steps differ more: each one multiplies the differences of rounding."""
    flags = f"--gpu_ids 0 --precision fp32 --cuda_graph off --model {model} "
    losses = []
    for more in ("--channels_last off", "--fused"):
        own = build(flags + more)
        run(own, 2, learn=training_step(own, cuda_graph=False))
        losses.append(list(own.get_current_losses().values()))
    assert losses[1] == pytest.approx(losses[0], rel=1e-3, abs=1e-4)
