"""A CUDA graph simulated on a CPU: records the kernels of a step with their memory, to replay them.

The properties are those of a GPU: recording changes no tensor that existed before, a replay runs no
Python code, and reading a number from the device is refused.
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
        self.own: set[int] = set()  # addresses of storages created during the recording
        self.changed: dict[int, tuple[Tensor, Tensor]] = {}  # earlier storages, and copies of them

    def __torch_dispatch__(
        self, kernel: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if kernel in WAITS:
            raise RuntimeError(f"{kernel} waits for the device")
        if kernel == aten.native_batch_norm.default:
            self._keep(args[3:5])  # running statistics, which are missing in its schema
        for argument, value in zip(kernel._schema.arguments, args, strict=False):
            if argument.alias_info is not None and argument.alias_info.is_write:
                self._keep(tree_leaves(value))
        results = kernel(*args, **kwargs)
        self.calls.append((kernel, args, kwargs, results))
        if all(returned.alias_info is None for returned in kernel._schema.returns):
            self.own |= {_address(t) for t in tree_leaves(results) if isinstance(t, Tensor)}
        return results

    def _keep(self, tensors: Sequence[Any]) -> None:
        for tensor in tensors:
            if isinstance(tensor, Tensor) and _address(tensor) not in self.own:
                whole = torch.empty(0, dtype=tensor.dtype).set_(tensor.untyped_storage())
                self.changed.setdefault(_address(tensor), (whole, whole.clone()))


def record(step: Callable[[], None], device: object = None) -> Callable[[], None]:
    """Record ``step``. Replaces ``models.execution.cuda_graph.record_cuda_graph``."""
    random_state = torch.get_rng_state()
    recorder = _Recorder()
    try:
        with recorder:
            step()
    finally:
        for whole, copy in recorder.changed.values():
            whole.copy_(copy)
        torch.set_rng_state(random_state)

    @torch.no_grad()
    def replay() -> None:
        for kernel, args, kwargs, results in recorder.calls:
            new_results = kernel(*args, **kwargs)
            if all(returned.alias_info is None for returned in kernel._schema.returns):
                for old, new in zip(tree_leaves(results), tree_leaves(new_results), strict=True):
                    if isinstance(old, Tensor):
                        old.copy_(new)

    return replay


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
