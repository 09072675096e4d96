"""Check whether gradients explode: norms of gradients and of the weights."""

import math
from collections import deque
from collections.abc import Mapping
from statistics import median

import torch
from torch import Tensor, nn

from training.doctor.diagnoses import Finding

HISTORY = 50  # gradient norms that are kept
MOST_GRADIENT = 100.0  # times the larger of the first norm and the median of the newest
MOST_WEIGHTS = 10.0  # times the norm at the start


def filters(net: nn.Module) -> list[Tensor]:
    """Return the weights of convolutions, without biases and scales: these are few, and start at 0.
    """
    return [weight.detach() for weight in net.parameters() if weight.ndim > 1]


def norm_of(tensors: list[Tensor]) -> float:
    """Return the norm of all elements of all tensors. Synchronises."""
    return float(torch.stack(torch._foreach_norm(tensors)).norm()) if tensors else 0.0


class GradientCheck:
    """Compares each network with its earlier norms since the program started."""

    def __init__(self, networks: Mapping[str, nn.Module]) -> None:
        self._networks = networks
        self._first_sizes = {name: norm_of(filters(net)) for name, net in networks.items()}
        self._norms: dict[str, tuple[float, deque[float]]] = {}  # first, newest

    def check(self) -> Finding:
        """Check the gradients that the last step has left. Synchronises."""
        worst, evidence = 0.0, ""
        measured: dict[str, float] = {}
        for name, net in self._networks.items():
            gradients = [weight.grad for weight in net.parameters() if weight.grad is not None]
            if not gradients:
                continue
            gradient = self._relative_norm(name, norm_of(gradients))
            weights = norm_of(filters(net)) / max(self._first_sizes[name], 1e-12)
            measured |= {f"gradient of {name}": gradient, f"weights of {name}": weights}
            # The length of a step of Adam depends on --lr, not on the gradient: check both.
            for share, seen in (
                (gradient / MOST_GRADIENT,
                 f"the gradient of {name} is {gradient:.3g} times its usual size"),
                (weights / MOST_WEIGHTS,
                 f"the weights of {name} are {weights:.3g} times their size at the start"),
            ):
                if not share <= worst:  # also true for NaN
                    worst, evidence = share, seen
        return Finding("exploding gradients", not worst <= 1, evidence, measured)

    def _relative_norm(self, name: str, norm: float) -> float:
        first, newest = self._norms.setdefault(name, (norm, deque([norm], maxlen=HISTORY)))
        relative = norm / max(first, median(newest), 1e-12)
        if math.isfinite(norm):
            newest.append(norm)
        return relative
