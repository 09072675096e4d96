"""Small trainings for the doctor to look at, each of which can be made ill."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from scenes import scene
from tiny_models import build
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from display.reports import Advice, LossReport
from models.base_model import BaseModel
from training.clock import Clock
from training.doctor.doctor import FIRST_PICTURES, Doctor
from training.step import TrainingStep

PIX2PIX = "--model pix2pix --norm batch --no_dropout"
CYCLE_GAN = "--model cycle_gan"

Hook = Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]


def pairs(count: int, *, first: int = 0) -> tuple[Tensor, Tensor]:
    """[count, 3, 32, 32] each: photos of boxes, and flat maps of the same boxes."""
    found = [scene(seed) for seed in range(first, first + count)]
    sides = (torch.stack([torch.tensor(side) for side in each]) for each in zip(*found,
                                                                               strict=True))
    photos, maps = (avg_pool2d(side.permute(0, 3, 1, 2) / 127.5 - 1, 2) for side in sides)
    return photos, maps


class Patient:
    """A model, its doctor, and what that has said. Counts as having seen enough pictures."""

    def __init__(
        self, flags: str, *, past: Sequence[Advice] = (), batch: int = 2,
        step: Callable[[BaseModel], TrainingStep] = TrainingStep,
    ) -> None:
        self.model: BaseModel = build(f"{flags} --batch_size {batch}")
        self._learn = step(self.model)
        self.A, self.B = pairs(24)
        self.batch = batch
        self.clock = Clock(n_epochs=99, epoch_size=10_000)
        self.clock.advance(FIRST_PICTURES)
        self.steps = 0
        self.said: list[Advice] = []
        self.doctor = Doctor(self.model, self.clock, self.said.append,
                             flags=vars(self.model.opt), loading_advice="loading_advice", past=past)

    @property
    def complaints(self) -> list[str]:
        return [one.complaint + " over" * one.over for one in self.said]

    def learn(self, *, looks: int = 6, steps: int = 5) -> None:
        """``steps`` before each look at losses and pictures."""
        for _ in range(looks):
            for _ in range(steps):
                self.step()
            self.look()

    def step(self) -> None:
        places = torch.arange(self.batch) + self.steps * self.batch
        A, B = (side[places % len(side)] for side in (self.A, self.B))
        paths = ["x"] * self.batch
        self._learn({"A": A, "B": B, "A_paths": paths, "B_paths": paths})
        self.clock.advance(self.batch)
        self.steps += 1

    def look(self, **changes: Any) -> None:
        values: dict[str, Any] = {
            "losses": self.model.get_current_losses(), "seconds_per_image": 1.0,
            "data_seconds_per_image": 0.01, "learning_rate": 2e-4,
        }
        self.doctor.look_at_losses(LossReport(self.clock.progress, **values | changes))
        self.model.compute_visuals()
        self.doctor.look_at_pictures(self.model.get_current_visuals())


def hook_generators(model: BaseModel, hook: Hook) -> None:
    for name, net in model.networks.items():
        if name.startswith("G"):
            net.register_forward_hook(hook)
