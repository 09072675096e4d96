"""Start the processes of ``--gpu_ids 0,1,2`` on this machine with torch's own launcher."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def launch(program: Path, argv: Sequence[str], *, processes: int) -> None:
    """Run ``python program *argv`` in each process; return when all have succeeded.

    If one fails, the launcher terminates the others. All processes receive signals.

    Raises:
        ChildProcessError: a process failed; the message names it and how it ended.
        SystemExit: a signal stopped the processes; has the shell's exit code for it.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # torchrun does the same: without it, each process would use all cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    config = LaunchConfig(min_nodes=1, max_nodes=1, nproc_per_node=processes, max_restarts=0,
                          monitor_interval=0.5, rdzv_backend="c10d", rdzv_endpoint="127.0.0.1:0",
                          local_addr="127.0.0.1")
    try:
        elastic_launch(config, sys.executable)("-u", str(program), *argv)
    except SignalException as stop:
        sys.exit(128 + int(stop.sigval))
    except ChildFailedError as error:
        raise ChildProcessError(_first_failure(error, processes)) from error


def _first_failure(error: Any, processes: int) -> str:
    """Describe the first failure in ``error``, a ChildFailedError of torch."""
    rank, failure = error.get_first_failure()
    how = f"ended with code {failure.exitcode}"
    if failure.exitcode < 0:
        how = f"was killed by {signal.Signals(-failure.exitcode).name}"
    return (f"process {rank} of {processes} {how}, and the others were terminated; its message, if "
            "any, is in the log above. --continue_train resumes from the last save")
