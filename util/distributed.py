"""Several processes of a training or a test: rank, process group, collective operations.

torchrun (or ``launch``, for --gpu_ids 0,1,2) starts the processes and describes each in environment
variables. In a single process every function here returns its argument and costs nothing.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any, TypeVar

import torch
import torch.distributed as dist

T = TypeVar("T")
_RESUME = "the last checkpoint is intact, --continue_train resumes from it"
_BACKENDS = re.compile(r"\bgloo\b|NCCL|Connection (closed|reset)", re.IGNORECASE)


@dataclass(frozen=True)
class Process:
    """``rank`` counts over all machines, ``local_rank`` on this machine; both from 0."""

    rank: int = 0
    local_rank: int = 0
    world_size: int = 1
    local_world_size: int = 1
    launched: bool = False  # by torchrun, also as a single process

    @property
    def is_distributed(self) -> bool:
        return self.world_size > 1

    @property
    def is_main(self) -> bool:
        """True for the one process that writes files, prints and displays."""
        return self.rank == 0


def current_process(environment: Mapping[str, str] = os.environ) -> Process:
    """Read rank and world size from the variables that torchrun sets.

    Raises:
        ValueError: WORLD_SIZE is above 1, but RANK or another variable is not set.
    """
    launched = "LOCAL_RANK" in environment
    world_size = int(environment.get("WORLD_SIZE", "1"))
    required = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
    missing = [name for name in required if name not in environment]
    if world_size == 1:
        return Process(local_rank=int(environment.get("LOCAL_RANK", "0")), launched=launched)
    if missing:
        raise ValueError(f"WORLD_SIZE is {world_size}, but {', '.join(missing)} is not set: start "
                         "several processes by torchrun --nproc_per_node=N train.py ..., or unset "
                         "WORLD_SIZE")
    return Process(rank=int(environment["RANK"]), local_rank=int(environment["LOCAL_RANK"]),
                   world_size=world_size,
                   local_world_size=int(environment.get("LOCAL_WORLD_SIZE", world_size)),
                   launched=True)


@contextmanager
def process_group(
    device: torch.device, *, timeout: timedelta | None = None, after_loss: str = _RESUME
) -> Iterator[None]:
    """Initialise the process group, and destroy it at the end.

    ``timeout``: how long a process waits for the others; None: torch's default, 30 minutes.
    ``after_loss``: what the error adds if a process has ended.

    After an error it is not destroyed: the other processes notice that this one has ended.
    NCCL carries CUDA tensors. gloo carries CPU tensors and Python objects, so that these do not
    wait for the GPU, and everything on Windows, which has no NCCL.

    Raises:
        ConnectionError: the other processes cannot be reached.
    """
    if not current_process().is_distributed:
        yield
        return
    nccl = device.type == "cuda" and dist.is_nccl_available()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    with _connection_errors(after_loss):
        dist.init_process_group("cpu:gloo,cuda:nccl" if nccl else "gloo", timeout=timeout)
        dist.barrier()  # no process reads the run's folder while another writes to it
        try:
            yield
        except SystemExit:  # all processes stop together
            dist.destroy_process_group()
            raise
    dist.destroy_process_group()


def all_reduce_sum(tensor: torch.Tensor) -> torch.Tensor:
    """Sum the tensor over all processes, in place, and return it."""
    if dist.is_initialized():
        dist.all_reduce(tensor)
    return tensor


def all_reduce_max(value: int) -> int:
    """Return the maximum over all processes."""
    if not dist.is_initialized():
        return value
    maximum = torch.tensor([value])
    dist.all_reduce(maximum, op=dist.ReduceOp.MAX)
    return int(maximum)


def all_gather(value: Any) -> list[Any]:
    """Return the values of all processes, ordered by rank, in every process."""
    if not dist.is_initialized():
        return [value]
    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


def gather_to_main(value: Any) -> list[Any]:
    """Return the values of all processes, ordered by rank; in all but the main process []."""
    if not dist.is_initialized():
        return [value]
    values: list[Any] = [None] * dist.get_world_size() if dist.get_rank() == 0 else []
    dist.gather_object(value, values or None)
    return values


def from_main(make: Callable[[], T]) -> T:
    """Return ``make()`` of the main process in every process; the others do not call it."""
    if not dist.is_initialized():
        return make()
    values: list[Any] = [make() if dist.get_rank() == 0 else None]
    dist.broadcast_object_list(values, src=0)
    value: T = values[0]
    return value


def own_share(items: Iterable[T]) -> Iterator[T]:
    """Yield every N-th item, for N processes, from the one with the number of this process on."""
    if not dist.is_initialized():
        return iter(items)
    return islice(items, dist.get_rank(), None, dist.get_world_size())


def require_equal(value: Any, what: str) -> None:
    """Raise ValueError if ``value`` is not equal in all processes."""
    values = all_gather(value)
    if any(other != values[0] for other in values):
        listed = ", ".join(f"process {rank}: {other}" for rank, other in enumerate(values))
        raise ValueError(f"the processes differ in {what} ({listed}); give all machines the same "
                         "files, flags and versions")


@contextmanager
def _connection_errors(after_loss: str) -> Iterator[None]:
    """Convert torch's RuntimeError about a lost connection to a ConnectionError."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and not _BACKENDS.search(str(error)):
            raise
        process = current_process()
        reason = str(error).strip().splitlines() or ["no reason given"]
        raise ConnectionError(f"process {process.rank} of {process.world_size} lost the connection "
                              "to the others: one of them has ended (see its own error message), "
                              f"or cannot be reached; {after_loss} [{reason[0]}]") from error
