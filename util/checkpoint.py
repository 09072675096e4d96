"""Files of tensors: written whole or not at all, read without running code from them."""

import pickle
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from util.files import replacing


def save(path: Path, state: Mapping[str, Any]) -> None:
    with replacing(path) as aside:
        torch.save(state, aside)


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
            "torch.save: copy it again, or choose another with --epoch"
        ) from error
    if not isinstance(state, dict):
        raise ValueError(
            f"{path} holds a {type(state).__name__}, wanted a state_dict (name -> tensor)"
        )
    return state


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
