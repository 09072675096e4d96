"""State that a model keeps in attributes of its own: numbers, tensors, modules, generators, ...

A model in the original's style registers nothing, and may keep a counter, a weight, a network that
it does not list, a schedule or a pool of its own kind. All of it belongs to an exact resume.
"""

import random
from collections import deque
from collections.abc import Collection
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_NOT_SAVED = "(not saved)"
_LIBRARIES = {"builtins", "torch", "numpy", "PIL", "pathlib", "argparse", "logging", "compat"}


class AttributeState:
    """Saves and restores values of any nesting: ``save`` and ``restore``.

    Args:
        known: ids of objects that are saved elsewhere.
        trained: ids of the weights in optimizers. A module without any of them is not saved.
    """

    def __init__(
        self, known: Collection[int], trained: Collection[int], device: torch.device
    ) -> None:
        self._known, self._trained, self._device = {*known}, {*trained}, device

    def save(self, value: Any) -> Any:
        """Return the state of ``value`` as plain values and tensors."""
        if value is None or type(value) in (bool, int, float, str):
            return value
        if isinstance(value, Tensor):
            return value.detach()
        if isinstance(value, np.ndarray | np.generic):
            return torch.from_numpy(np.array(value)) if value.dtype.kind in "biuf" else _NOT_SAVED
        if isinstance(value, random.Random | torch.Generator):
            return value.getstate() if isinstance(value, random.Random) else value.get_state()
        if id(value) in self._known:
            return _NOT_SAVED
        self._known.add(id(value))  # it may refer to itself
        if isinstance(value, list | tuple | deque):
            return [self.save(item) for item in value]
        if isinstance(value, dict):
            return {key: self.save(item) for key, item in value.items()
                    if type(key) in (int, str)}
        if isinstance(value, nn.Module):
            is_trained = any(id(weight) in self._trained for weight in value.parameters())
            return dict(value.state_dict()) if is_trained else _NOT_SAVED
        if hasattr(value, "load_state_dict"):
            return self.save(value.state_dict())
        is_plain = type(value).__module__.partition(".")[0] in _LIBRARIES
        return _NOT_SAVED if is_plain or not hasattr(value, "__dict__") else self.save(vars(value))

    def restore(self, value: Any, state: Any) -> Any:
        """Return ``value`` with the saved ``state``: the same object, if it can be changed."""
        if isinstance(state, str) and state == _NOT_SAVED:
            return value
        if isinstance(value, np.ndarray | np.generic):
            return state.numpy().astype(value.dtype)[()]
        if isinstance(value, random.Random):
            value.setstate(state)
        elif isinstance(value, torch.Generator):
            value.set_state(state)
        elif isinstance(state, Tensor):
            if not isinstance(value, Tensor) or value.shape != state.shape:
                return state.to(self._device)
            value.detach().copy_(state)
        elif isinstance(state, list):
            return self._restore_items(value, state)
        elif isinstance(state, dict):
            return self._restore_entries(value, state)
        else:
            return state
        return value

    def _restore_items(self, value: Any, states: list[Any]) -> Any:
        is_list = isinstance(value, list | deque)
        old = [*value] if is_list or isinstance(value, tuple) else []
        old += [None] * (len(states) - len(old))
        items = [self.restore(item, state) for item, state in zip(old, states, strict=False)]
        if not is_list:
            return tuple(items) if isinstance(value, tuple) else items
        value.clear()
        value.extend(items)
        return value

    def _restore_entries(self, value: Any, states: dict[Any, Any]) -> Any:
        if hasattr(value, "load_state_dict"):
            value.load_state_dict(states)
            return value
        entries = value if isinstance(value, dict) else vars(value) if value is not None else {}
        entries.update({key: self.restore(entries.get(key), state)
                        for key, state in states.items()})
        return entries if value is None else value


def is_plain(state: Any) -> bool:
    """Return whether what ``save`` returned holds no tensors."""
    if isinstance(state, dict | list | tuple):
        return all(map(is_plain, state.values() if isinstance(state, dict) else state))
    return not isinstance(state, Tensor)
