"""--ema: an average of a network's weights over the steps of its training, to translate with.

The weights of a GAN circle around a good place; their average is nearer to it (Yazici et al. 2019,
arXiv:1806.04498). The training itself does not see it.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from models.weights.mismatch import describe_mismatch


class Averages:
    """Exponential moving averages of all tensors of some networks.

    After a step: average = d * average + (1 - d) * weights, with d = min(decay, n / (n + 9)) after
    n steps before: the first average is a copy, and young ones follow fast. Weights and running
    statistics of batch norm are averaged; counters of batches are copied. The averages keep their
    places in memory.

    ``weights``: network -> the names of its ``state_dict`` -> averages.
    """

    def __init__(self, networks: Mapping[str, nn.Module], decay: float) -> None:
        self.decay = decay
        self.steps = 0
        trained = {name: net.state_dict(keep_vars=True) for name, net in networks.items()}
        self.weights: dict[str, dict[str, Tensor]] = {
            name: {key: tensor.detach().clone() for key, tensor in own.items()}
            for name, own in trained.items()
        }
        pairs = [
            (self.weights[name][key], tensor)
            for name, own in trained.items() for key, tensor in own.items()
        ]
        self._smooth = [pair for pair in pairs if pair[0].is_floating_point()]
        self._counters = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Take one more step's weights in. Nothing waits for the device."""
        decay = min(self.decay, self.steps / (self.steps + 9))
        averages, weights = zip(*self._smooth, strict=True)
        torch._foreach_lerp_(averages, weights, 1 - decay)
        for average, count in self._counters:
            average.copy_(count)
        self.steps += 1

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "weights": self.weights}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what ``state_dict`` took.

        Raises:
            ValueError: the averages are those of other networks.
        """
        for name, own in self.weights.items():
            saved = state["weights"].get(name, {})
            found = {key: tuple(tensor.shape) for key, tensor in saved.items()}
            wanted = {key: tuple(tensor.shape) for key, tensor in own.items()}
            if found != wanted:
                raise ValueError(
                    describe_mismatch(found, wanted, f"the average of {name} in latest_state.pth")
                )
            for key, tensor in own.items():
                tensor.copy_(saved[key])
        self.steps = state["steps"]
