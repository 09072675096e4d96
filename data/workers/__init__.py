"""The worker processes that load images: their number, and the signals that they obey."""

import ctypes
import os
import signal
import sys
import threading

from util.distributed import current_process
from util.runtime import count_cores

_PR_SET_PDEATHSIG = 1


def choose_workers(*, device: str, cached: bool, cores: int | None = None) -> int:
    """Return the number of workers; one core is kept for the training itself.

    On a CPU with a cache there are none: a worker would slow down the threads of the training by
    more than a cached image costs. On a GPU the training process only starts kernels, and workers
    do the rest.
    """
    cores = own_cores() if cores is None else cores
    if device == "cpu" and cached:
        return 0
    most = 4 if cached or device == "cpu" else 8
    return max(0, min(most, cores - 1))


def loading_advice(*, cached: bool, workers: int) -> str:
    """Return which flag to change if steps wait for images."""
    if not cached:
        return "--cache ram or --cache disk decodes each image only once"
    if workers < own_cores():
        return f"give more than --num_threads {workers}"
    return f"--num_threads {workers} uses all cores already; lower --load_size"


def own_cores() -> int:
    """Return this process's share of the cores."""
    return count_cores() // current_process().local_world_size


def leave_process_group(worker: int) -> None:
    """Leave the group: its signals are for the training process only, which then saves.

    Job schedulers send SIGTERM to every process of a job. A worker obeys only that of its parent,
    so that the training can finish its step.
    """
    if hasattr(os, "setpgrp"):
        os.setpgrp()
    if sys.platform == "linux":
        # The kernel kills the worker when the training ends, even a stopped one, which would keep
        # the lock of the run's folder (prctl(2)).
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if hasattr(signal, "sigwaitinfo"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()


def _end_with_parent(parent: int) -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)
