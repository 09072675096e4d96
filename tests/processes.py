"""Start several processes of one training on the CPU, forked from a server with torch imported."""

import logging
import multiprocessing
import os
import socket
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest
import torch

from util.runtime import run_program

FORK_SERVER = multiprocessing.get_context("forkserver")
FORK_SERVER.set_forkserver_preload(["warmed"])


def fork(target: Callable[..., object], arguments: Any) -> Any:
    """Start ``target(*arguments)`` in a process that has already imported torch."""
    path = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    # The server imports only what this variable finds, and ignores what is missing.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(path))
        forkserver.ensure_running()
    process = FORK_SERVER.Process(target=target, args=arguments)
    process.start()
    return process


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def start(
    output: Path, main: Callable[..., object], *arguments: Any, count: int = 2
) -> list[Any]:
    """Start ``main(*arguments)`` as ``count`` programs, in the environment that torchrun sets.

    What process N prints goes to ``output/N.txt``.
    """
    output.mkdir(parents=True, exist_ok=True)
    port = free_port()
    processes = []
    for rank in range(count):
        names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count,
                 "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        processes.append(fork(_run, (output / f"{rank}.txt", names, main, arguments)))
    return processes


def finish(processes: list[Any], seconds: float = 120) -> list[int | None]:
    """Return the exit codes; None for a process that runs longer than ``seconds``."""
    for process in processes:
        process.join(seconds)
    codes = [process.exitcode for process in processes]
    for process in processes:
        if process.is_alive():
            process.kill()
            process.join()
    return codes


def run(output: Path, main: Callable[..., object], *arguments: Any, count: int = 2) -> None:
    codes = finish(start(output, main, *arguments, count=count))
    texts = [path.read_text() for path in sorted(output.glob("*.txt"))]
    assert codes == [0] * count, "\n".join(texts)


def _run(
    output: Path, names: dict[str, object], main: Callable[..., object], arguments: Any
) -> None:
    os.environ.update({name: str(value) for name, value in names.items()})
    torch.set_num_threads(1)
    with output.open("w", buffering=1) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        sys.argv = ["train.py"]
        logging.getLogger().handlers.clear()
        with redirect_stdout(file):
            run_program(lambda: main(*arguments))
