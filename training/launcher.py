"""Starts the processes of ``--gpu_ids 0,1,2`` on this machine, by torch's own launcher."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def launch(program: Path, argv: Sequence[str], *, processes: int) -> None:
    """Run ``python program *argv`` in each process; return when all have ended well.

    When one of them fails, the launcher ends the others. Signals are passed on to all.

    Raises:
        ChildProcessError: one failed; names it and how it ended.
        SystemExit: stopped by a signal, with the shell's code for it.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # As torchrun does: without it, each process would take all cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        local_addr="127.0.0.1",
        max_restarts=0,
        monitor_interval=0.5,
    )
    try:
        elastic_launch(config, sys.executable)("-u", str(program), *argv)
    except SignalException as stop:
        sys.exit(128 + int(stop.sigval))
    except ChildFailedError as error:
        raise ChildProcessError(_first_failure(error, processes)) from error


def _first_failure(error: Any, processes: int) -> str:
    """``error``: torch's ChildFailedError."""
    rank, failure = error.get_first_failure()
    how = f"ended with code {failure.exitcode}"
    if failure.exitcode < 0:
        how = f"was killed by {signal.Signals(-failure.exitcode).name}"
    return (
        f"process {rank} of {processes} {how}, and the others were ended; its message, if it left "
        "one, stands above. --continue_train goes on from the last save"
    )
