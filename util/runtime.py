"""Set up a program: device, arithmetic, logging, exit status."""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

import torch

from util.console.log_lines import start_logging
from util.distributed import Process, current_process
from util.free_memory import is_full_memory
from util.interrupts import exit_code, handled, raise_interrupted

log = logging.getLogger(__name__)

# default: torch's own, which is tf32 for convolutions on a GPU and fp32 for everything else.
PRECISIONS = ("default", "fp32", "tf32", "bf16", "fp16")


def choose_device(gpu_ids: Sequence[int] | None) -> torch.device:
    """Choose the device: None: cuda, else mps, else cpu; []: the CPU; [n]: that GPU.

    Each process on a machine gets its own GPU: with [2, 3], the second process uses 3.

    Raises:
        ValueError: a requested GPU does not exist.
    """
    process = current_process()
    mps = torch.backends.mps.is_available() and not process.is_distributed
    if gpu_ids is None and not torch.cuda.is_available():
        return torch.device("mps" if mps else "cpu")
    if gpu_ids is not None and not gpu_ids:
        return torch.device("cpu")
    if gpu_ids is None and not process.is_distributed:
        return torch.device("cuda", process.local_rank)
    if mps and list(gpu_ids or ()) == [0]:
        return torch.device("mps")
    return torch.device("cuda", _own_gpu(gpu_ids, process))


def _own_gpu(gpu_ids: Sequence[int] | None, process: Process) -> int:
    """Return the GPU of this process; ``gpu_ids`` None means all GPUs."""
    count = torch.cuda.device_count()
    gpus = list(range(count) if gpu_ids is None else gpu_ids)
    names = ",".join(map(str, gpus))
    if gpus and max(gpus) >= count:
        raise ValueError(f"--gpu_ids {names}: torch sees {count} CUDA devices; give a smaller "
                         "number, or --gpu_ids -1 for the CPU, or leave the flag out")
    if process.is_distributed and len(gpus) < process.local_world_size:
        raise ValueError(f"torchrun started {process.local_world_size} processes on this machine, "
                         f"and each needs its own GPU: there are {len(gpus)} ({names}); start as "
                         "many processes as there are GPUs, or list more of them in --gpu_ids")
    return gpus[process.local_rank if process.is_distributed else 0]


def describe_device(device: torch.device) -> str:
    """Return a text for the console: ``cuda:0 (NVIDIA H100)`` or ``cpu (2 threads)``."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({torch.get_num_threads()} threads)"
    return str(device)


def set_arithmetic(precision: str, *, equal_sizes: bool = False) -> None:
    """Set the arithmetic of this process: tf32 on GPUs or not, no denormal numbers on CPUs.

    Numbers below 1e-38 become 0: some CPUs take a hundred times as long for them.
    ``equal_sizes``: all images have one size, so cuDNN may search its fastest convolution for it.
    """
    torch.set_flush_denormal(True)
    torch.backends.cudnn.benchmark = equal_sizes
    if precision in ("fp32", "tf32"):
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        torch.backends.cudnn.allow_tf32 = precision == "tf32"


def keep_freed_memory() -> None:
    """Keep the memory of freed tensors, of up to 30 MB each, for the next tensors.

    The kernel clears every page that it allocates. For batches of small images that took a sixth
    to a quarter of the time of a network. glibc keeps freed blocks up to the size of the largest
    block freed so far, at most 32 MiB (mallopt(3), M_MMAP_THRESHOLD); so one such block is freed
    here. On other systems this does nothing.
    """
    torch.empty(30 * 2**20, dtype=torch.uint8)


def count_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_program(main: Callable[[], object], *, interrupted: str = "Interrupted") -> NoReturn:
    """Run ``main`` with plain logging; report a user's mistake in one sentence, no traceback.

    ``interrupted``: the line after Ctrl-C or SIGTERM, if the exception has no text of its own.
    """
    start_logging()
    try:
        with handled(raise_interrupted):
            main()
    # OSError: full disk, no permission, no such folder. MemoryError: see training/memory/watch.py.
    except (OSError, ValueError, MemoryError) as error:
        if "--verbose" in sys.argv:
            raise
        log.error("error: %s\n(--verbose shows where it happened)", error)
        sys.exit(1)
    except RuntimeError as error:
        if "--verbose" in sys.argv or not is_full_memory(error):
            raise
        log.error("error: out of memory (%s); use a smaller network (--ngf), smaller images or "
                  "batches, or close other programs", str(error).partition("\n")[0])
        sys.exit(1)
    except KeyboardInterrupt as stop:
        log.error("%s", str(stop) or interrupted)
        sys.exit(exit_code(stop))
    sys.exit(0)
