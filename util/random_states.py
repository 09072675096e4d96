"""Seeds and states of the global random generators of python, numpy, torch and CUDA."""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from util.disk.state_check import (
    StateError,
    require_count,
    require_entries,
    require_like,
    require_list,
    unlike,
)

_CUDA_STATE = 16  # bytes: seed and offset of Philox


def seed_everything(seed: int) -> None:
    """Seed the global generators: python, numpy, torch on every device."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def seed_torch(seed: int, device: torch.device) -> None:
    """Seed torch's generator of ``device``.

    On a CPU this is a millisecond faster than torch.manual_seed, which records its caller for GPUs
    that may be initialised later.
    """
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)


def random_state() -> dict[str, Any]:
    """Return the state of every global random generator, as tensors and plain values."""
    numpy_state = np.random.get_state(legacy=False)
    assert isinstance(numpy_state, dict)
    words = torch.from_numpy(numpy_state["state"]["key"].astype(np.int64))
    return {"python": random.getstate(),
            "numpy": numpy_state | {"state": {"key": words, "pos": numpy_state["state"]["pos"]}},
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []}


def require_random_state(state: Any, place: str) -> None:
    """Raise StateError if ``state`` is not what ``random_state`` returns."""
    own = random_state()
    require_entries(state, own, place)
    require_python_state(state["python"], f"{place}.python")
    require_like(state, {"numpy": own["numpy"], "torch": own["torch"]}, place)
    numpy, words = state["numpy"], state["numpy"]["state"]["key"]
    require_count(numpy["state"]["pos"], f"{place}.numpy.state.pos", most=len(words))
    require_count(numpy["has_gauss"], f"{place}.numpy.has_gauss", most=1)
    if not 0 <= int(words.min()) <= int(words.max()) < 2**32 or not words.any():
        raise StateError(f"{place}.numpy.state.key does not hold random words of 32 bits")
    if numpy["bit_generator"] != own["numpy"]["bit_generator"]:
        raise unlike(numpy["bit_generator"], own["numpy"]["bit_generator"], place)
    try:
        torch.Generator().set_state(state["torch"])
    except RuntimeError as error:
        raise StateError(f"{place}.torch is not a state of a generator of PyTorch") from error
    require_list(state["cuda"], f"{place}.cuda")
    for index, saved in enumerate(state["cuda"]):
        require_like(saved, torch.zeros(_CUDA_STATE, dtype=torch.uint8), f"{place}.cuda.{index}")


def require_python_state(state: Any, place: str) -> None:
    """Raise StateError if ``state`` is not that of a generator of Python's ``random``."""
    version, words, _ = random.getstate()
    require_like(state, (version, words, None), place)
    try:
        random.Random().setstate(state)
    except (ValueError, TypeError, OverflowError) as error:
        raise StateError(f"{place} is not a state of Python's generator ({error})") from error
    if not any(state[1][:-1]):
        raise StateError(f"{place} holds only zeros: such a generator repeats one number")


def set_random_state(state: Mapping[str, Any]) -> None:
    """Restore what ``random_state`` returned. CUDA states are skipped if there is no CUDA."""
    random.setstate(state["python"])
    words = state["numpy"]["state"]["key"].numpy().astype(np.uint32)
    np.random.set_state(
        state["numpy"] | {"state": {"key": words, "pos": state["numpy"]["state"]["pos"]}}
    )
    torch.set_rng_state(state["torch"])
    for index, cuda_state in enumerate(state["cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(cuda_state, index)


@contextmanager
def random_states_kept() -> Iterator[None]:
    """Restore every global random state at the end, also after an error.

    The state of numpy stays an array: in the estimate of a step's memory, new tensors have no
    values.
    """
    python, numpy_state = random.getstate(), np.random.get_state()
    torch_state = torch.get_rng_state()
    cuda_states = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy_state)
        torch.set_rng_state(torch_state)
        if cuda_states:
            torch.cuda.set_rng_state_all(cuda_states)
