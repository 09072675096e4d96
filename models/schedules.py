"""Learning-rate schedules: pure functions of the epoch, and the plateau policy.

A schedule returns a factor that multiplies the initial learning rate of each optimizer.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from display.reports import is_value


@dataclass(frozen=True)
class EpochCounts:
    """Numbers of epochs that the schedules use."""

    constant: int  # epochs with the initial rate (--n_epochs)
    decay: int  # epochs with a falling rate (--n_epochs_decay)
    period: int  # epochs between two drops of ``step`` (--lr_decay_iters)


def linear(epoch: int, counts: EpochCounts) -> float:
    """Return 1 for ``counts.constant`` epochs, then fall linearly to 0 one epoch after the end."""
    return 1.0 - max(0, epoch - counts.constant) / (counts.decay + 1)


def step(epoch: int, counts: EpochCounts) -> float:
    """Divide by 10 after every ``counts.period`` epochs."""
    return float(0.1 ** ((epoch - 1) // counts.period))


def cosine(epoch: int, counts: EpochCounts) -> float:
    """Return half a cosine wave from 1 to 0 over all epochs (Loshchilov, Hutter 2017, eq. 5)."""
    return 0.5 * (1.0 + math.cos(math.pi * (epoch - 1) / (counts.constant + counts.decay)))


SCHEDULES: dict[str, Callable[[int, EpochCounts], float]] = {
    "linear": linear, "step": step, "cosine": cosine, "constant": lambda epoch, counts: 1.0,
}
PLATEAU = "plateau"  # the only policy that depends on a loss or a validation value
LR_POLICIES = (*SCHEDULES, PLATEAU)


# Numbers of ReduceLROnPlateau that change during a run; its settings stay those of the program.
_CHANGING = ("best", "num_bad_epochs", "cooldown_counter", "last_epoch")


def watches_validation(metric: str, losses: Collection[str] = ()) -> bool:
    """Return whether ``--lr_metric`` names validation values instead of ``losses`` of the model."""
    return any(is_value(name) and name not in losses for name in metric.split("+"))


def plateau_of(optimizer: Optimizer, mode: Literal["min", "max"]) -> ReduceLROnPlateau:
    """Return the scheduler that divides the rate by 5 when its metric stops to improve."""
    return ReduceLROnPlateau(optimizer, mode=mode, factor=0.2, threshold=0.01, patience=5)


class Plateau:
    """ReduceLROnPlateau of torch, applied to the mean of a loss over each epoch.

    Args:
        metric: a loss name, or several joined by ``+`` (``cycle_A+cycle_B``); or validation
            values in the same form (``val_l1``).
        losses: names of losses of the model, for those that look like validation values.
        higher_is_better: whether a larger metric is an improvement.
    """

    def __init__(
        self, metric: str, optimizers: Iterable[Optimizer], *, higher_is_better: bool = False,
        losses: Collection[str] = (),
    ) -> None:
        self.names = metric.split("+")
        self.watches_validation = watches_validation(metric, losses)
        mode: Literal["min", "max"] = "max" if higher_is_better else "min"
        self.schedulers = [plateau_of(optimizer, mode) for optimizer in optimizers]
        self.epoch = 1
        self.total = torch.zeros(())
        self.steps = 0

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Add the losses of one step. Does not synchronise."""
        if self.watches_validation:
            return
        missing = [name for name in self.names if name not in losses]
        if missing:
            raise ValueError(f"--lr_metric {'+'.join(self.names)}: this run has no loss "
                             f"{', '.join(missing)}; choose from {', '.join(losses)}")
        self.total = self.total + sum(losses[name].detach() for name in self.names)
        self.steps += 1

    def add_validation(self, values: Mapping[str, float]) -> None:
        """Add the values of one validation."""
        if self.watches_validation:
            self.total = self.total + sum(values.get(name, math.nan) for name in self.names)
            self.steps += 1

    def start_epoch(self, epoch: int) -> None:
        """Evaluate the epoch that has just ended. Do nothing if ``epoch`` is only resumed."""
        if epoch == self.epoch:
            return
        if self.steps:
            for scheduler in self.schedulers:
                scheduler.step(self.total.item() / self.steps)
        self.epoch, self.total, self.steps = epoch, torch.zeros_like(self.total), 0

    def state_dict(self) -> dict[str, Any]:
        schedulers = [{key: getattr(scheduler, key) for key in _CHANGING}
                      for scheduler in self.schedulers]
        return {"schedulers": schedulers, "epoch": self.epoch, "total": self.total,
                "steps": self.steps}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        for scheduler, saved in zip(self.schedulers, state["schedulers"], strict=True):
            scheduler.load_state_dict({key: saved[key] for key in _CHANGING})
        self.epoch, self.steps = state["epoch"], state["steps"]
        self.total = state["total"].to(device)
