"""What a program needs before its first tensor: a device, a seed, plain logging."""

import logging
import os
import random
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

import numpy as np
import torch

log = logging.getLogger(__name__)

PRECISIONS = ("default", "fp32", "tf32", "bf16", "fp16")


def choose_device(gpu_ids: Sequence[int] | None) -> torch.device:
    """None: cuda, else mps, else cpu. []: the CPU. [n]: that GPU.

    Raises:
        ValueError: a GPU was asked for that is not there.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ValueError(
            "WORLD_SIZE says that several processes train together, which this program cannot yet: "
            "they would write the same files; start it without torchrun"
        )
    if gpu_ids is None:
        if torch.cuda.is_available():
            return torch.device("cuda", 0)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    if not gpu_ids:
        return torch.device("cpu")
    if torch.backends.mps.is_available() and list(gpu_ids) == [0]:
        return torch.device("mps")
    count = torch.cuda.device_count()
    if max(gpu_ids) >= count:
        raise ValueError(
            f"--gpu_ids {','.join(map(str, gpu_ids))}: torch sees {count} CUDA devices; "
            "give a smaller number, or --gpu_ids -1 for the CPU, or leave the flag out"
        )
    if len(gpu_ids) > 1:
        log.warning("--gpu_ids: one GPU is used, %d; the others stay idle", gpu_ids[0])
    return torch.device("cuda", gpu_ids[0])


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


def set_arithmetic(precision: str) -> None:
    """Set how this process multiplies: tf32 on GPUs or not, and no denormals on a CPU.

    Numbers below 1e-38 count as 0: some CPUs take a hundred times as long for them.
    """
    torch.set_flush_denormal(True)
    if precision in ("fp32", "tf32"):
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        torch.backends.cudnn.allow_tf32 = precision == "tf32"


def count_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_program(main: Callable[[], object]) -> NoReturn:
    """Run ``main`` with plain logging; a user's mistake ends in one sentence, not a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    try:
        main()
    # OSError: full disk, no permission, no such folder. MemoryError: see models/memory.py.
    except (OSError, ValueError, MemoryError) as error:
        if "--verbose" in sys.argv:
            raise
        log.error("error: %s\n(--verbose shows where it happened)", error)
        sys.exit(1)
    except KeyboardInterrupt:
        log.error("stopped at once; nothing was saved since the last save")
        sys.exit(130)
    sys.exit(0)
