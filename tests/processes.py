"""Start several processes of one training on the CPU, forked from a server with torch imported."""

import logging
import multiprocessing
import os
import socket
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch

from util.runtime import run_program

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["train", "models.pix2pix_model", "models.cycle_gan_model"])


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
        process = PROCESSES.Process(
            target=_run, args=(output / f"{rank}.txt", names, main, arguments)
        )
        process.start()
        processes.append(process)
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
