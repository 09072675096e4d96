"""What benchmark.py holds the figures against: the machine's ceiling, a step's work, its memory."""

import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from scripts.benchmarks.contenders import Case, Contender, Ours, Reference, synchronise

_CONVOLUTIONS = (torch.ops.aten.convolution.default, torch.ops.aten.convolution_backward.default)


def ceilings(device: torch.device, *, seconds: float) -> dict[str, float]:
    """FLOP/s of a large matrix product and of a 3 x 3 convolution, by dtype; best of its runs."""
    gpu = device.type == "cuda"
    side, maps, pixels = (8192, 64, 128) if gpu else (1024, 1, 64)
    found = {}
    for dtype in (torch.float32, torch.bfloat16) if gpu else (torch.float32,):
        a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in "ab")
        picture = torch.randn(maps, 256, pixels, pixels, device=device, dtype=dtype)
        weight = torch.randn(256, 256, 3, 3, device=device, dtype=dtype)
        name = str(dtype).removeprefix("torch.")
        found[f"matmul {name}"] = 2 * side**3 / _fastest(partial(torch.mm, a, b), device, seconds)
        work = 2 * maps * 256 * 256 * 9 * pixels**2
        convolve = partial(torch.nn.functional.conv2d, picture, weight, padding=1)
        found[f"convolution {name}"] = work / _fastest(convolve, device, seconds)
    return found


def _fastest(call: Callable[[], object], device: torch.device, seconds: float) -> float:
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        synchronise(device)
        start = time.perf_counter()
        call()
        synchronise(device)
        times.append(time.perf_counter() - start)
    return min(times)


class _Convolutions(TorchDispatchMode):
    """Remembers every convolution that is computed inside, backwards too, with its tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Callable[[], object]] = []

    def __torch_dispatch__(
        self, kernel: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        if kernel in _CONVOLUTIONS:
            self.calls.append(partial(kernel, *args, **(kwargs or {})))
        return kernel(*args, **(kwargs or {}))


def convolution_seconds(contender: Contender, *, repeats: int = 5) -> float:
    """What the convolutions of one step take by themselves, one after another: its floor.

    Median over ``repeats``. They hold the memory of a whole step meanwhile.
    """
    batch = next(iter(contender.batches()))
    contender.step(batch)  # libraries choose their kernels
    with _Convolutions() as found:
        contender.step(batch)
    times = []
    with torch.no_grad():
        for _ in range(repeats):
            synchronise(contender.device)
            start = time.perf_counter()
            for call in found.calls:
                call()
            synchronise(contender.device)
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def flops_per_image(case: Case, device: torch.device) -> float:
    """Of the reference's step: what has to be computed, however it is done."""
    from scripts.benchmarks.reference_step import REFERENCES

    model = REFERENCES[case.model](case.netG, case.width, device)
    picture = torch.zeros(case.batch, 3, case.crop, case.crop)
    with FlopCounterMode(display=False) as counter:
        model.step(picture, picture)
    return float(counter.get_total_flops() / case.batch)


def peak_memory(case: Case, root: Path, device: torch.device, flags: str | None) -> float:
    """Bytes that two epochs took, in a process of their own; ``flags`` None: the reference.

    On a GPU what torch held at most; on a CPU the growth of the resident memory.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_peak_here, case, root, device, flags).result()


def _peak_here(case: Case, root: Path, device: torch.device, flags: str | None) -> float:
    before = _resident()
    contender: Contender = (
        Reference(case, root, device) if flags is None else Ours(case, root, device, flags)
    )
    for _ in range(2):
        contender.epoch()
    if device.type == "cuda":
        return float(torch.cuda.max_memory_reserved(device))
    return _resident() - before


def _resident() -> float:
    """The most that was resident at once."""
    status = Path("/proc/self/status")
    if status.exists():  # there, getrusage begins with what the parent held
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024.0
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, lowest, highest."""
    return statistics.median(values), min(values), max(values)
