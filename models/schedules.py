"""Learning-rate factors: pure functions of the epoch, counted from 1."""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """The numbers of epochs that the schedules use."""

    constant: int  # epochs at the initial rate (--n_epochs)
    decay: int  # epochs on the way down (--n_epochs_decay)
    period: int  # epochs between two drops of ``step`` (--lr_decay_iters)


def constant(epoch: int, plan: Plan) -> float:
    return 1.0


def linear(epoch: int, plan: Plan) -> float:
    """1 for ``plan.constant`` epochs, then a straight line; 0 would be reached one epoch late."""
    return 1.0 - max(0, epoch - plan.constant) / (plan.decay + 1)


def step(epoch: int, plan: Plan) -> float:
    """A tenth, after every ``plan.period`` epochs."""
    return float(0.1 ** ((epoch - 1) // plan.period))


def cosine(epoch: int, plan: Plan) -> float:
    """Half a cosine from 1 to 0 over all epochs (Loshchilov and Hutter 2017, eq. 5)."""
    return 0.5 * (1.0 + math.cos(math.pi * (epoch - 1) / (plan.constant + plan.decay)))


SCHEDULES: dict[str, Callable[[int, Plan], float]] = {
    "linear": linear,
    "step": step,
    "cosine": cosine,
    "constant": constant,
}
PLATEAU = "plateau"  # the one policy that looks at a metric
LR_POLICIES = (*SCHEDULES, PLATEAU)
