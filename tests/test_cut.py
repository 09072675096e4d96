"""CUT and FastCUT against recordings of the authors' code, and the mistakes of that code.

The recordings are not part of the repository. Without them their tests are skipped.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from models import create_model
from models.cut_model import CUTModel
from models.networks import define_D, define_G
from models.networks.patch_sample import SAMPLERS, draw_places, mirrored, unit_vectors
from models.patch_nce import patch_nce
from options.train_options import TrainOptions

RECORDED = Path(__file__).parents[2] / "shared" / "fixtures" / "cut"
needs_recordings = pytest.mark.skipif(not RECORDED.is_dir(), reason="no recordings of CUT here")


def recording(name: str) -> Any:
    return torch.load(RECORDED / name, weights_only=True)


def build(flags: str) -> CUTModel:
    words = "--dataroot . --gpu_ids -1 --model cut --netG resnet_6blocks --ngf 4 --ndf 4"
    words += " --netF_nc 8 --num_patches 16 --load_size 32 --crop_size 32"
    opt = TrainOptions().parse([*words.split(), *flags.split()])
    torch.manual_seed(0)
    model = create_model(opt)
    assert isinstance(model, CUTModel)
    return model


def step(model: CUTModel, A: Tensor, B: Tensor) -> dict[str, float]:
    model.set_input({"A": A, "B": B, "A_paths": ["a"] * len(A), "B_paths": ["b"] * len(B)})
    model.optimize_parameters()
    return model.get_current_losses()


def images(count: int = 1, side: int = 32) -> tuple[Tensor, Tensor]:
    A, B = torch.rand(2, count, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return A, B


# ---- recordings --------------------------------------------------------------------------------


def replay(name: str, steps: int) -> dict[str, float]:
    """Return the largest excess of a loss over its tolerance, by the name of the loss."""
    model = build(" ".join((RECORDED / name / "args").read_text().split()).partition(" ")[2]
                  .partition(" ")[2])
    for part, net in model.networks.items():
        net.load_state_dict(recording(f"{name}/init/latest_net_{part}.pth"))
    choices = recording(f"{name}/choices.pt")
    drawn: list[list[Tensor]] = []
    if "patch_ids_NCE" in choices and model.nce is not None:
        model.nce.draw = lambda *_: drawn.pop(0)  # type: ignore[method-assign]
    excess: dict[str, float] = {}
    for number in range(min(steps, choices["steps"])):
        drawn[:] = [[place[number].long() for place in choices[key]]
                    for key in ("patch_ids_NCE", "patch_ids_NCE_Y") if choices.get(key)]
        if "flipped" in choices:
            model.coin = lambda n=number: choices["flipped"][n]  # type: ignore[method-assign, misc]
        for optimizer in model.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = float(choices["learning_rate"][number])
        A, B = (choices[f"real_{side}"][number].float() / 127.5 - 1 for side in "AB")
        found = step(model, A, B)
        assert list(found) == list(choices["losses"])
        for loss, values in choices["losses"].items():
            wanted = float(values[number])
            allowed = (2e-5 + 1e-6 * abs(wanted), 1e-4, 2e-3)[min(number, 2)]
            excess[loss] = max(excess.get(loss, 0.0), abs(found[loss] - wanted) / allowed)
    return excess


@needs_recordings
@pytest.mark.parametrize(("name", "steps"), [
    ("cut_all", 3), ("cut_default_init", 1), pytest.param("cut_all", 99, marks=pytest.mark.soak),
    pytest.param("cut", 99, marks=pytest.mark.soak),
    pytest.param("fastcut", 99, marks=pytest.mark.soak),
])
def test_recorded_losses_are_reproduced(name: str, steps: int) -> None:
    excess = replay(name, steps)
    assert max(excess.values()) <= 1, excess
