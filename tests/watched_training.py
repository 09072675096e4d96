"""Small trainings that the doctor checks, for its tests."""

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
from training.doctor.doctor import FIRST_IMAGES, Doctor
from training.step import TrainingStep

PIX2PIX = "--model pix2pix --norm batch --no_dropout"
CYCLE_GAN = "--model cycle_gan"

Hook = Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]


def pairs(count: int, *, first: int = 0) -> tuple[Tensor, Tensor]:
    """Return photos of boxes and flat maps of the same boxes, [count, 3, 32, 32] each."""
    scenes = [scene(seed) for seed in range(first, first + count)]
    sides = (torch.stack([torch.tensor(side) for side in both]) for both in zip(*scenes,
                                                                               strict=True))
    photos, maps = (avg_pool2d(side.permute(0, 3, 1, 2) / 127.5 - 1, 2) for side in sides)
    return photos, maps


class WatchedTraining:
    """A model, its doctor and the advice of the doctor. Starts after ``FIRST_IMAGES`` images."""

    def __init__(
        self, flags: str, *, past: Sequence[Advice] = (), batch: int = 2,
        step: Callable[[BaseModel], TrainingStep] = TrainingStep,
    ) -> None:
        self.model: BaseModel = build(f"{flags} --batch_size {batch}")
        self._learn = step(self.model)
        self.A, self.B = pairs(24)
        self.batch = batch
        self.clock = Clock(n_epochs=99, epoch_size=10_000)
        self.clock.advance(FIRST_IMAGES)
        self.steps = 0
        self.advice: list[Advice] = []
        self.doctor = Doctor(self.model, self.clock, self.advice.append,
                             flags=vars(self.model.opt), loading_advice="loading_advice", past=past)

    @property
    def complaints(self) -> list[str]:
        return [advice.complaint + " over" * advice.over for advice in self.advice]

    def learn(self, *, checks: int = 6, steps: int = 5) -> None:
        """Take ``steps`` steps before each check of losses and images."""
        for _ in range(checks):
            for _ in range(steps):
                self.step()
            self.check()

    def step(self) -> None:
        places = torch.arange(self.batch) + self.steps * self.batch
        A, B = (side[places % len(side)] for side in (self.A, self.B))
        paths = ["x"] * self.batch
        self._learn({"A": A, "B": B, "A_paths": paths, "B_paths": paths})
        self.clock.advance(self.batch)
        self.steps += 1

    def check(self, **changes: Any) -> None:
        """Let the doctor check a report of losses, with ``changes`` in it, and the images."""
        values: dict[str, Any] = {
            "losses": self.model.get_current_losses(), "seconds_per_image": 1.0,
            "data_seconds_per_image": 0.01, "learning_rate": 2e-4,
        }
        self.doctor.check_losses(LossReport(self.clock.progress, **values | changes))
        self.model.compute_visuals()
        self.doctor.check_images(self.model.get_current_visuals())


def hook_generators(model: BaseModel, hook: Hook) -> None:
    for name, net in model.networks.items():
        if name.startswith("G"):
            net.register_forward_hook(hook)
