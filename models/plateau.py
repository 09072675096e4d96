"""``--lr_policy plateau``: lower the rate when a loss or a value of the validation stands still."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from display.reports import VALUE
from metrics import find_metric


def watches_validation(metric: str) -> bool:
    return any(name.startswith(VALUE) for name in metric.split("+"))


def rises(metric: str) -> bool:
    """Whether more of it is better: of values of the validation only."""
    first = metric.partition("+")[0]
    return first.startswith(VALUE) and find_metric(first.removeprefix(VALUE)).higher_is_better


class Plateau:
    """Feeds torch's ReduceLROnPlateau with the mean of one loss over each epoch.

    Args:
        metric: a loss name, or several joined by ``+`` (``cycle_A+cycle_B``); or in the same way
            values of the validation, ``val_l1``.
        higher_is_better: of these values.
    """

    def __init__(
        self, metric: str, optimizers: Iterable[Optimizer], *, higher_is_better: bool = False
    ) -> None:
        self.names = metric.split("+")
        self.watches_validation = watches_validation(metric)
        mode: Literal["min", "max"] = "max" if higher_is_better else "min"
        self.schedulers = [
            ReduceLROnPlateau(optimizer, mode=mode, factor=0.2, threshold=0.01, patience=5)
            for optimizer in optimizers
        ]
        self.epoch = 1
        self.total = torch.zeros(())
        self.steps = 0

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Count one step. Nothing leaves the device here."""
        if self.watches_validation:
            return
        missing = [name for name in self.names if name not in losses]
        if missing:
            raise ValueError(
                f"--lr_metric {'+'.join(self.names)}: this run has no loss {', '.join(missing)}; "
                f"it has {', '.join(losses)}"
            )
        self.total = self.total + sum(losses[name].detach() for name in self.names)
        self.steps += 1

    def add_validation(self, values: Mapping[str, float]) -> None:
        """Count one validation."""
        if self.watches_validation:
            self.total = self.total + sum(values.get(name, math.nan) for name in self.names)
            self.steps += 1

    def start_epoch(self, epoch: int) -> None:
        """Judge the epoch that has just ended. Does nothing when ``epoch`` is merely resumed."""
        if epoch == self.epoch:
            return
        if self.steps:
            for scheduler in self.schedulers:
                scheduler.step(self.total.item() / self.steps)
        self.epoch, self.total, self.steps = epoch, torch.zeros_like(self.total), 0

    def state_dict(self) -> dict[str, Any]:
        return {
            "schedulers": [scheduler.state_dict() for scheduler in self.schedulers],
            "epoch": self.epoch,
            "total": self.total,
            "steps": self.steps,
        }

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        for scheduler, saved in zip(self.schedulers, state["schedulers"], strict=True):
            scheduler.load_state_dict(saved)
        self.epoch, self.steps = state["epoch"], state["steps"]
        self.total = state["total"].to(device)
