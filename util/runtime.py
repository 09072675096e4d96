"""What a program needs before its first tensor: a device, a seed, plain logging."""

import logging
import os
import random
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

import numpy as np
import torch

from util.distributed import Process, current_process

log = logging.getLogger(__name__)

PRECISIONS = ("default", "fp32", "tf32", "bf16", "fp16")


def choose_device(gpu_ids: Sequence[int] | None) -> torch.device:
    """None: cuda, else mps, else cpu. []: the CPU. [n]: that GPU.

    Of several processes on a machine, each gets a GPU of its own: of [2, 3] the second takes 3.

    Raises:
        ValueError: a GPU was asked for that is not there.
    """
    here = current_process()
    mps = torch.backends.mps.is_available() and not here.is_distributed
    if gpu_ids is None and not torch.cuda.is_available():
        return torch.device("mps" if mps else "cpu")
    if gpu_ids is not None and not gpu_ids:
        return torch.device("cpu")
    if gpu_ids is None and not here.is_distributed:
        return torch.device("cuda", here.local_rank)
    if mps and list(gpu_ids or ()) == [0]:
        return torch.device("mps")
    return torch.device("cuda", _own_gpu(gpu_ids, here))


def _own_gpu(gpu_ids: Sequence[int] | None, here: Process) -> int:
    """None: all that there are."""
    count = torch.cuda.device_count()
    gpus = list(range(count) if gpu_ids is None else gpu_ids)
    names = ",".join(map(str, gpus))
    if gpus and max(gpus) >= count:
        raise ValueError(
            f"--gpu_ids {names}: torch sees {count} CUDA devices; "
            "give a smaller number, or --gpu_ids -1 for the CPU, or leave the flag out"
        )
    if here.is_distributed and len(gpus) < here.local_world_size:
        raise ValueError(
            f"torchrun started {here.local_world_size} processes on this machine, and each needs a "
            f"GPU of its own: there are {len(gpus)} ({names}); start as many as there are, or give "
            "more of them to --gpu_ids"
        )
    return gpus[here.local_rank if here.is_distributed else 0]


def describe_device(device: torch.device) -> str:
    """One line for the console: ``cuda:0 (NVIDIA H100)`` or ``cpu (2 threads)``."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({torch.get_num_threads()} threads)"
    return str(device)


def seed_everything(seed: int) -> None:
    """Seed the global generators: python, numpy, torch on every device."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def seed_torch(seed: int, device: torch.device) -> None:
    """Seed what draws on ``device``.

    On a CPU, torch.manual_seed takes a millisecond: it notes who called it, for GPUs that may be
    used later.
    """
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)


def set_arithmetic(precision: str, *, equal_sizes: bool = False) -> None:
    """Set how this process multiplies: tf32 on GPUs or not, and no denormals on a CPU.

    Numbers below 1e-38 count as 0: some CPUs take a hundred times as long for them.

    ``equal_sizes``: all pictures have one size, so that it pays to try which of cuDNN's
    convolutions is the fastest for it.
    """
    torch.set_flush_denormal(True)
    torch.backends.cudnn.benchmark = equal_sizes
    if precision in ("fp32", "tf32"):
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        torch.backends.cudnn.allow_tf32 = precision == "tf32"


def keep_freed_memory() -> None:
    """Have memory of freed tensors, of up to 30 MB each, kept for the next ones.

    The system clears every page that it gives: for batches of small pictures that took a sixth to a
    quarter of a network's time. The C library of Linux follows the largest block that was freed, up
    to 32 MiB (mallopt(3), M_MMAP_THRESHOLD), so one is freed here; elsewhere it does nothing.
    """
    torch.empty(30 * 2**20, dtype=torch.uint8)


def count_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def start_logging() -> None:
    """Plain lines; of several processes the first speaks, the others only tell their errors."""
    level, line = logging.INFO, "%(message)s"
    rank = os.environ.get("RANK", "0")
    if rank != "0":
        level, line = logging.ERROR, f"process {rank}: %(message)s"
    logging.basicConfig(level=level, format=line, handlers=[_Console(sys.stdout)])


class _Console(logging.StreamHandler):  # type: ignore[type-arg]  # no [TextIO] before 3.11
    """Whose reader may go away, as that of ``| head`` does: then nothing more is written."""

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], BrokenPipeError):
            super().handleError(record)
            return
        # In place of the pipe, so that the flush at the end of Python meets no fault either.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.stream.fileno())
        os.close(nowhere)


def run_program(main: Callable[[], object]) -> NoReturn:
    """Run ``main`` with plain logging; a user's mistake ends in one sentence, not a traceback."""
    start_logging()
    try:
        main()
    # OSError: full disk, no permission, no such folder. MemoryError: see training/memory/watch.py.
    except (OSError, ValueError, MemoryError) as error:
        if "--verbose" in sys.argv:
            raise
        log.error("error: %s\n(--verbose shows where it happened)", error)
        sys.exit(1)
    except KeyboardInterrupt:
        log.error("stopped at once; nothing was saved since the last save")
        sys.exit(130)
    sys.exit(0)
