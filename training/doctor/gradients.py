"""Whether gradients explode: their norms, and those of the weights that such steps blow up."""

import math
from collections import deque
from collections.abc import Mapping
from statistics import median

import torch
from torch import Tensor, nn

from training.doctor.diagnoses import Finding

HISTORY = 50  # norms of gradients
MOST_GRADIENT = 100.0  # times the median of the newest looks, and of the first
MOST_WEIGHTS = 10.0  # times those at the start


def filters(net: nn.Module) -> list[Tensor]:
    """Weights of convolutions: not biases and scales, which are small in number and begin at 0."""
    return [weight.detach() for weight in net.parameters() if weight.ndim > 1]


def norm_of(tensors: list[Tensor]) -> float:
    """Of all together. Waits for the device."""
    return float(torch.stack(torch._foreach_norm(tensors)).norm()) if tensors else 0.0


class Sizes:
    """Of each network, against what was usual. A run that goes on has a new start."""

    def __init__(self, networks: Mapping[str, nn.Module]) -> None:
        self._networks = networks
        self._first_sizes = {name: norm_of(filters(net)) for name, net in networks.items()}
        self._usual: dict[str, tuple[float, deque[float]]] = {}  # norms of gradients

    def look(self) -> Finding:
        """Whatever gradients the last step has left are looked at. Waits for the device."""
        worst, told = 0.0, ""
        measured: dict[str, float] = {}
        for name, net in self._networks.items():
            found = [weight.grad for weight in net.parameters() if weight.grad is not None]
            if not found:
                continue
            steeper = self._steeper(name, norm_of(found))
            larger = norm_of(filters(net)) / max(self._first_sizes[name], 1e-12)
            measured |= {f"gradient of {name}": steeper, f"weights of {name}": larger}
            # A step of Adam is as long as --lr, however steep the slope: the weights tell as well.
            for share, seen in (
                (steeper / MOST_GRADIENT, f"gradient of {name} is {steeper:.3g} times its usual"),
                (larger / MOST_WEIGHTS, f"weights of {name} are {larger:.3g} times their first"),
            ):
                if not share <= worst:  # NaN as well
                    worst, told = share, f"the {seen} size"
        return Finding("exploding gradients", not worst <= 1, told, measured)

    def _steeper(self, name: str, norm: float) -> float:
        first, usual = self._usual.setdefault(name, (norm, deque([norm], maxlen=HISTORY)))
        times = norm / max(first, median(usual), 1e-12)
        if math.isfinite(norm):
            usual.append(norm)
        return times
