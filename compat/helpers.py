"""The small functions of the original's util/util.py, and its downloads."""

import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from util.distributed import current_process, process_group
from util.runtime import choose_device

_ROOT = Path(__file__).resolve().parents[1]
_group = ExitStack()
asked_gpus: list[list[int] | None] = [None]  # --gpu_ids of the last options that were parsed


def _write(line: object) -> None:
    sys.stdout.write(f"{line}\n")


def mkdir(path: str | Path) -> None:
    Path(path).mkdir(parents=True, exist_ok=True)


def mkdirs(paths: str | Path | Sequence[str | Path]) -> None:
    """Create one folder, or each of a list."""
    for path in [paths] if isinstance(paths, str | Path) else paths:
        mkdir(path)


def print_numpy(x: Any, val: bool = True, shp: bool = False) -> None:
    """Print the shape of an array, or its mean, minimum, maximum, median and deviation."""
    x = np.asarray(x).astype(np.float64)
    if shp:
        _write(f"shape, {x.shape}")
    if val:
        _write(f"mean = {x.mean():3.3f}, min = {x.min():3.3f}, max = {x.max():3.3f}, "
               f"median = {np.median(x):3.3f}, std={x.std():3.3f}")


def diagnose_network(net: torch.nn.Module, name: str = "network") -> None:
    """Print the mean over all weights of the mean absolute gradient."""
    means = [weight.grad.abs().mean() for weight in net.parameters() if weight.grad is not None]
    _write(name)
    _write(float(sum(means) / len(means)) if means else 0.0)


def init_ddp() -> torch.device:
    """Return the device of this process; with torchrun, also start the process group."""
    device = choose_device(asked_gpus[-1])
    if current_process().is_distributed and not torch.distributed.is_initialized():
        _group.enter_context(process_group(device))
    return device


def cleanup_ddp() -> None:
    _group.close()


class GetData:
    """Downloads published data sets: ``GetData("cyclegan").get("./datasets", "maps")``."""

    def __init__(self, technique: str = "cyclegan", verbose: bool = True) -> None:
        self.verbose = verbose
        self.script = _ROOT / "datasets" / f"download_{technique.lower()}_dataset.sh"
        if not self.script.is_file():
            raise ValueError(f"technique is {technique!r}; use 'pix2pix' or 'cyclegan'")

    def get(self, save_path: str | Path, dataset: str | None = None) -> str:
        """Download ``dataset`` (``maps`` or ``maps.tar.gz``) and return its folder.

        Raises:
            ValueError: the name is unknown, or the download fails; the message lists the names.
        """
        name = (dataset or "--help").partition(".")[0]
        target = Path(save_path).resolve() / name
        if not target.is_dir():
            mkdir(target.parent)
            with TemporaryDirectory(dir=target.parent) as folder:
                run = subprocess.run(["bash", str(self.script), name], cwd=folder, text=True,
                                     capture_output=True, check=False)
                found = Path(folder, "datasets", name)
                if run.returncode or not found.is_dir():
                    raise ValueError((run.stderr or run.stdout).strip())
                found.rename(target)
        if self.verbose:
            _write(f"Dataset saved at: {target}")
        return str(target)
