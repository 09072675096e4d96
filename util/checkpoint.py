"""Files of tensors: written whole or not at all, read without running code from them."""

import random
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from util import damage
from util.files import NotWritableError, file_size_limit, replacing


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Write the file aside, sync it, rename it.

    Raises:
        OSError: the disk is full or refuses; what stood at ``path`` is whole.
    """
    try:
        with replacing(path) as aside:
            torch.save(state, aside)
    except NotWritableError:
        raise
    except (OSError, RuntimeError) as error:  # torch's own writer raises RuntimeError
        reason = str(error) if isinstance(error, OSError) else "the file system took no more"
        limit = file_size_limit()
        if limit is not None and limit < 2 * size_of(state):
            reason = f"ulimit -f allows files of {megabytes(limit)}: raise it"
        free = shutil.disk_usage(path.parent).free
        raise OSError(
            f"{path} could not be written ({reason}): it needs about {megabytes(size_of(state))}, "
            f"{megabytes(free)} are free"
        ) from error


def size_of(value: Any) -> int:
    """Bytes of all tensors in the nest."""
    if isinstance(value, torch.Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, Mapping):
        return sum(size_of(item) for item in value.values())
    if isinstance(value, list | tuple):
        return sum(size_of(item) for item in value)
    return 0


def megabytes(count: int) -> str:
    return f"{count / 2**20:,.1f} MB"


def load(path: Path, *, way_out: Callable[[Path], str] | None = None) -> dict[str, Any]:
    """Read a file of tensors to the CPU.

    Args:
        way_out: says what to do if the file is damaged; None: which weights to take instead.

    Raises:
        FileNotFoundError: names the checkpoints that are there.
        ValueError: the file is damaged, or is no file of tensors.
    """
    if not path.is_file():
        saved = ", ".join(sorted(file.name for file in path.parent.glob("*.pth"))) or "none"
        raise FileNotFoundError(f"{path} does not exist; checkpoints in that folder: {saved}")
    if damage.is_damaged(path):
        raise ValueError(f"{path} {damage.describe(None)}; {(way_out or _another)(path)}")
    try:
        # weights_only: a foreign file can hold tensors and plain values, never code.
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # bytes that are no pickle can raise anything
        what = damage.describe(error)
        raise ValueError(f"{path} {what}; {(way_out or _another)(path)}") from error
    if not isinstance(state, dict):
        raise ValueError(
            f"{path} holds a {type(state).__name__}, wanted a state_dict (name -> tensor)"
        )
    return state


def _another(path: Path) -> str:
    """What to use in place of a damaged file: the newest weights of the same network."""
    network = path.name.partition("_net_")[2] or "*.pth"
    others = (other for other in path.parent.glob(f"*_net_{network}") if other != path)
    newest = damage.newest_whole(others)
    if newest is None:
        return "no other whole one is here"
    label = newest.name.partition("_net_")[0]
    flag = f"--load_iter {label[5:]}" if label.startswith("iter_") else f"--epoch {label}"
    return f"the newest whole one here is {newest.name} ({flag})"


def random_state() -> dict[str, Any]:
    """The state of every global random generator: python, numpy, torch, CUDA."""
    numpy_state = np.random.get_state(legacy=False)
    assert isinstance(numpy_state, dict)
    words = torch.from_numpy(numpy_state["state"]["key"].astype(np.int64))
    return {
        "python": random.getstate(),
        "numpy": numpy_state | {"state": {"key": words, "pos": numpy_state["state"]["pos"]}},
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_state(state: Mapping[str, Any]) -> None:
    """Put back what ``random_state`` took. CUDA states are skipped where there is no CUDA."""
    random.setstate(state["python"])
    words = state["numpy"]["state"]["key"].numpy().astype(np.uint32)
    np.random.set_state(
        state["numpy"] | {"state": {"key": words, "pos": state["numpy"]["state"]["pos"]}}
    )
    torch.set_rng_state(state["torch"])
    for index, cuda_state in enumerate(state["cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(cuda_state, index)
