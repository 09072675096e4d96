"""A CUDA graph on a CPU: the kernels of a step with the memory they used, to be run again.

As on a GPU, the recording changes no tensor that was there before, a replay runs no Python, and
reading a number from the device is refused.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

aten = torch.ops.aten
WAITS = (aten._local_scalar_dense.default, aten.nonzero.default, aten.equal.default)


class _Recorder(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, Any]] = []
        self.own: set[int] = set()  # storages that were made inside
        self.spoiled: dict[int, tuple[Tensor, Tensor]] = {}  # ... before; written to, and a copy

    def __torch_dispatch__(
        self, kernel: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if kernel in WAITS:
            raise RuntimeError(f"{kernel} waits for the device")
        if kernel == aten.native_batch_norm.default:
            self._keep(args[3:5])  # running statistics; its schema does not tell
        for argument, value in zip(kernel._schema.arguments, args, strict=False):
            if argument.alias_info is not None and argument.alias_info.is_write:
                self._keep(tree_leaves(value))
        results = kernel(*args, **kwargs)
        self.calls.append((kernel, args, kwargs, results))
        if all(one.alias_info is None for one in kernel._schema.returns):
            self.own |= {_place(t) for t in tree_leaves(results) if isinstance(t, Tensor)}
        return results

    def _keep(self, tensors: Sequence[Any]) -> None:
        for tensor in tensors:
            if isinstance(tensor, Tensor) and _place(tensor) not in self.own:
                whole = torch.empty(0, dtype=tensor.dtype).set_(tensor.untyped_storage())
                self.spoiled.setdefault(_place(tensor), (whole, whole.clone()))


def record(step: Callable[[], None]) -> Callable[[], None]:
    """Takes the place of ``training.step.record_cuda_graph``."""
    chance = torch.get_rng_state()
    recorder = _Recorder()
    try:
        with recorder:
            step()
    finally:
        for whole, copy in recorder.spoiled.values():
            whole.copy_(copy)
        torch.set_rng_state(chance)

    @torch.no_grad()
    def replay() -> None:
        for kernel, args, kwargs, results in recorder.calls:
            found = kernel(*args, **kwargs)
            if all(one.alias_info is None for one in kernel._schema.returns):
                for there, new in zip(tree_leaves(results), tree_leaves(found), strict=True):
                    if isinstance(there, Tensor):
                        there.copy_(new)

    return replay


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
