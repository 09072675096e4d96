"""Small models for tests, and training steps of them on fixed images."""

import torch
from torch import Tensor

import models
from models.base_model import BaseModel
from options.train_options import TrainOptions
from training.step import TrainingStep


def build(flags: str, dtype: torch.dtype = torch.float32) -> BaseModel:
    words = "--dataroot . --gpu_ids -1 --ngf 4 --ndf 4 --netD n_layers --n_layers_D 2"
    words += " --load_size 32 --crop_size 32 --netG resnet_6blocks --pool_size 2"
    opt = TrainOptions().parse([*words.split(), *flags.split()])
    torch.manual_seed(0)
    model = models.create_model(opt)
    for net in model.networks.values():
        net.to(dtype)
    return model


def run(
    model: BaseModel, steps: int, images: int = 2, *, learn: TrainingStep | None = None
) -> Tensor:
    """Return the losses of each step, [steps, losses], float64."""
    rows = []
    learn = learn or TrainingStep(model)
    dtype = next(model.networks["G" if "G" in model.networks else "G_A"].parameters()).dtype
    for index in range(steps):
        generator = torch.Generator().manual_seed(index % 6)
        shape = (images, 3, 32, 32)
        A = torch.rand(shape, generator=generator, dtype=dtype) * 2 - 1
        B = A.flip(3) * 0.5
        A, B = A[:, : model.opt.input_nc], B[:, : model.opt.output_nc]
        paths = ["x"] * images
        learn({"A": A, "B": B, "A_paths": paths, "B_paths": paths})
        rows.append(list(model.get_current_losses().values()))
    return torch.tensor(rows, dtype=torch.float64)
