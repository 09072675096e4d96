"""Files of tensors: written whole or not at all, read without running code from them."""

import pickle
import random
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from util.files import NotWritableError, replacing


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
        free = shutil.disk_usage(path.parent).free
        raise OSError(
            f"{path} could not be written ({reason}): it needs about {megabytes(size_of(state))}, "
            f"{megabytes(free)} are free, and files of that size must be allowed; the files of "
            "the save before are whole, so --continue_train goes on from there"
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


def load(path: Path) -> dict[str, Any]:
    """Read a file of tensors to the CPU.

    Raises:
        FileNotFoundError: names the checkpoints that are there.
        ValueError: the file is damaged, or is no file of tensors.
    """
    if not path.is_file():
        saved = ", ".join(sorted(file.name for file in path.parent.glob("*.pth"))) or "none"
        raise FileNotFoundError(f"{path} does not exist; checkpoints in that folder: {saved}")
    try:
        # weights_only: a foreign file can hold tensors and plain values, never code.
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(
            f"{path} cannot be read as a checkpoint ({reason}); it is damaged, or not written by "
            f"torch.save: copy it again, or choose another; {_newest_whole(path)}"
        ) from error
    if not isinstance(state, dict):
        raise ValueError(
            f"{path} holds a {type(state).__name__}, wanted a state_dict (name -> tensor)"
        )
    return state


def _newest_whole(path: Path) -> str:
    """What to use in place of a damaged file: the newest weights of the same network."""
    network = path.name.partition("_net_")[2] or "*.pth"
    others = (other for other in path.parent.glob(f"*_net_{network}") if other != path)
    for other in sorted(others, key=lambda file: file.stat().st_mtime, reverse=True):
        if zipfile.is_zipfile(other):
            with zipfile.ZipFile(other) as archive:
                if archive.testzip() is None:  # every checksum is right
                    label = other.name.partition("_net_")[0]
                    flag = f"--load_iter {label[5:]}" if label.startswith("iter_") else (
                        f"--epoch {label}"
                    )
                    return f"the newest whole one here is {other.name} ({flag})"
    return "no other whole one is here"


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
