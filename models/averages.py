"""--ema: a moving average of each generator's weights over the training steps, used in tests.

The weights of a GAN oscillate around a good point; their average is closer to it (Yazici et al.
2019, arXiv:1806.04498). The training itself does not use the average.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from models.weights.mismatch import require_same_shapes


class Averages:
    """Exponential moving averages of all tensors of some networks.

    After a step: average = d * average + (1 - d) * weights, with d = min(decay, n / (n + 9)) after
    n earlier steps. So the first average is a copy, and early averages follow the weights quickly.
    Weights and running statistics of batch norm are averaged; batch counters are copied. The
    averages stay at the same addresses in memory.

    ``weights``: the averages by the name of the network and the name in its ``state_dict``.
    """

    def __init__(self, networks: Mapping[str, nn.Module], decay: float) -> None:
        self.decay = decay
        self.steps = 0
        trained = {name: net.state_dict(keep_vars=True) for name, net in networks.items()}
        self.weights: dict[str, dict[str, Tensor]] = {
            name: {key: tensor.detach().clone() for key, tensor in tensors.items()}
            for name, tensors in trained.items()
        }
        pairs = [(self.weights[name][key], tensor)
                 for name, tensors in trained.items() for key, tensor in tensors.items()]
        self._averaged = [pair for pair in pairs if pair[0].is_floating_point()]
        self._counters = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Add the weights of one more step. Does not synchronise with the device."""
        decay = min(self.decay, self.steps / (self.steps + 9))
        averages, weights = zip(*self._averaged, strict=True)
        torch._foreach_lerp_(averages, weights, 1 - decay)
        for average, count in self._counters:
            average.copy_(count)
        self.steps += 1

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "weights": self.weights}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what ``state_dict`` returned.

        Raises:
            ValueError: the averages belong to other networks.
        """
        for name, averages in self.weights.items():
            saved = state["weights"].get(name, {})
            require_same_shapes(saved, averages, f"the average of {name} in latest_state.pth")
            for key, average in averages.items():
                average.copy_(saved[key])
        self.steps = state["steps"]
