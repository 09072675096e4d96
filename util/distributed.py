"""Several processes that train one model: who this one is, and what they tell each other.

torchrun (or ``launch``, for --gpu_ids 0,1,2) starts them and describes each in environment
variables. Without these, every function here is that of a single process and costs nothing.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist

_BACKENDS = re.compile(r"\bgloo\b|NCCL|Connection (closed|reset)", re.IGNORECASE)


@dataclass(frozen=True)
class Process:
    """``rank`` counts over all machines, ``local_rank`` on this one; both from 0."""

    rank: int = 0
    local_rank: int = 0
    world_size: int = 1
    local_world_size: int = 1
    launched: bool = False  # torchrun has started this process, be it alone

    @property
    def is_distributed(self) -> bool:
        return self.world_size > 1

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes, prints and displays."""
        return self.rank == 0


def current_process(environment: Mapping[str, str] = os.environ) -> Process:
    """Where this process stands, by the variables that torchrun sets.

    Raises:
        ValueError: WORLD_SIZE alone is set, which does not say which process this one is.
    """
    launched = "LOCAL_RANK" in environment
    world_size = int(environment.get("WORLD_SIZE", "1"))
    wanted = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
    missing = [name for name in wanted if name not in environment]
    if world_size == 1:
        return Process(local_rank=int(environment.get("LOCAL_RANK", "0")), launched=launched)
    if missing:
        raise ValueError(
            f"WORLD_SIZE is {world_size}, but {', '.join(missing)} is not set: start several "
            "processes by torchrun --nproc_per_node=N train.py ..., or unset WORLD_SIZE"
        )
    return Process(
        rank=int(environment["RANK"]),
        local_rank=int(environment["LOCAL_RANK"]),
        world_size=world_size,
        local_world_size=int(environment.get("LOCAL_WORLD_SIZE", world_size)),
        launched=True,
    )


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Meet the other processes; left alone by an error, which the others then notice.

    CUDA tensors go through NCCL. Words and flags go through gloo, so that they do not wait for
    the GPU; so does everything on the CPU, and on Windows, which has no NCCL.

    Raises:
        ConnectionError: the others cannot be reached.
    """
    if not current_process().is_distributed:
        yield
        return
    nccl = device.type == "cuda" and dist.is_nccl_available()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    with _explained():
        dist.init_process_group("cpu:gloo,cuda:nccl" if nccl else "gloo")
        dist.barrier()  # no process looks at the run's folder while another writes to it
        try:
            yield
        except SystemExit:  # all of them stop together
            dist.destroy_process_group()
            raise
    dist.destroy_process_group()


def all_reduce_sum(tensor: torch.Tensor) -> torch.Tensor:
    """The sum over all processes, in place."""
    if dist.is_initialized():
        dist.all_reduce(tensor)
    return tensor


def all_reduce_max(number: int) -> int:
    """The largest of the processes' numbers."""
    if not dist.is_initialized():
        return number
    numbers = torch.tensor([number])
    dist.all_reduce(numbers, op=dist.ReduceOp.MAX)
    return int(numbers)


def all_gather(value: Any) -> list[Any]:
    """The values of all processes, by rank, in each of them."""
    if not dist.is_initialized():
        return [value]
    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


def gather_to_main(value: Any) -> list[Any]:
    """The values of all processes, by rank, in the main one; an empty list in the others."""
    if not dist.is_initialized():
        return [value]
    values: list[Any] = [None] * dist.get_world_size() if dist.get_rank() == 0 else []
    dist.gather_object(value, values or None)
    return values


def require_equal(value: Any, what: str) -> None:
    """Raise ValueError where the processes do not agree on ``value``."""
    values = all_gather(value)
    if any(other != values[0] for other in values):
        found = ", ".join(f"process {rank}: {other}" for rank, other in enumerate(values))
        raise ValueError(
            f"the processes differ in {what} ({found}); give all machines the same files, flags "
            "and versions"
        )


@contextmanager
def _explained() -> Iterator[None]:
    """torch reports a lost neighbour as a RuntimeError with the backend's words."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and not _BACKENDS.search(str(error)):
            raise
        me = current_process()
        words = str(error).strip().splitlines() or ["no reason given"]
        raise ConnectionError(
            f"process {me.rank} of {me.world_size} lost touch with the others: one of them has "
            "ended (its own message says why), or cannot be reached; the last save is whole, "
            f"--continue_train goes on from it [{words[0]}]"
        ) from error
