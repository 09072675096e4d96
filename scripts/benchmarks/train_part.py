"""Training beside the reference, for run.py: rates, memory, and the limits of the machine."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from statistics import median
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from scripts.benchmarks.common import Rows, in_turn, peak_bytes, seconds_of, spread
from scripts.benchmarks.contenders import Case, Contender, EpochTimes, ours, reference
from training.step import TrainingStep

_CONVOLUTIONS = (torch.ops.aten.convolution.default, torch.ops.aten.convolution_backward.default)


def training(case: Case, *, flags: str, repeats: int, ceiling: float) -> Rows:
    """Train with both sides in turn and return a table row for each.

    ``flags`` of train.py go to our side; ``ceiling``: the machine's FLOP/s.
    """
    own = ours(case, flags)
    epochs = in_turn({"reference": reference(case).epoch, "ours": own.epoch}, repeats)
    work = flops_per_image(case)
    rows = {name: figures(epochs[name], epochs["reference"], flops=work, ceiling=ceiling)
            | {"peak MB": peak_memory(case, side_flags) / 2**20}
            for name, side_flags in (("reference", None), ("ours", flags))}
    own.step = TrainingStep(own.model)  # a replay of a recorded step shows no convolutions
    alone = convolution_seconds(own) / case.batch
    step = median((times.seconds - times.waiting) / times.images for times in epochs["ours"])
    rows["ours"]["convolutions alone (%)"] = 100 * alone / step
    return rows


def figures(epochs: Sequence[EpochTimes], theirs: Sequence[EpochTimes], *, flops: float,
            ceiling: float) -> dict[str, object]:
    rate = spread(epoch.images / epoch.seconds for epoch in epochs)
    return {"images/s": rate,
            "times reference": spread(their.seconds / own.seconds
                                      for their, own in zip(theirs, epochs, strict=True)),
            "waiting (%)": median(100 * epoch.waiting / epoch.seconds for epoch in epochs),
            "of the ceiling (%)": 100 * rate[0] * flops / ceiling}


def ceilings(device: torch.device, *, repeats: int = 50) -> dict[str, float]:
    """Return FLOP/s of a large matrix product and of a 3 x 3 convolution, by dtype: the best."""
    is_gpu = device.type == "cuda"
    side, maps, pixels = (8192, 64, 128) if is_gpu else (1024, 1, 64)
    rates = {}
    for dtype in (torch.float32, torch.bfloat16) if is_gpu else (torch.float32,):
        make = partial(torch.randn, device=device, dtype=dtype)
        convolve = partial(torch.nn.functional.conv2d, make(maps, 256, pixels, pixels),
                           make(256, 256, 3, 3), padding=1)
        calls = {"matmul": (2 * side**3, partial(torch.mm, make(side, side), make(side, side))),
                 "convolution": (2 * maps * 256 * 256 * 9 * pixels**2, convolve)}
        for name, (flops, call) in calls.items():
            best = min(seconds_of(call, device) for _ in range(repeats))
            rates[f"{name} {str(dtype).removeprefix('torch.')}"] = flops / best
    return rates


class _Convolutions(TorchDispatchMode):
    """Records every convolution that is computed inside, backward passes too."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Callable[[], object]] = []

    def __torch_dispatch__(
        self, kernel: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        call = partial(kernel, *args, **(kwargs or {}))
        if kernel in _CONVOLUTIONS:
            self.calls.append(call)
        return call()


def convolution_seconds(contender: Contender, *, repeats: int = 5) -> float:
    """Return the median time of the convolutions of one step alone: a lower limit of the step.

    Their tensors take the memory of a whole step meanwhile.
    """
    batch = next(iter(contender.batches()))
    contender.step(batch)  # libraries choose their kernels
    with _Convolutions() as convolutions:
        contender.step(batch)

    def again() -> None:
        for call in convolutions.calls:
            call()

    with torch.no_grad():
        return median(seconds_of(again, contender.device) for _ in range(repeats))


def flops_per_image(case: Case) -> float:
    """Return the work of the reference's step."""
    model = case.reference_model()
    image = torch.zeros(case.batch, 3, case.crop, case.crop, device=case.device)
    with FlopCounterMode(display=False) as counter:
        model.train_step(image, image)
    return float(counter.get_total_flops() / case.batch)


def peak_memory(case: Case, flags: str | None) -> float:
    """Return the bytes that two epochs need in a process of their own; flags None: the reference.

    On a GPU, what torch reserved at most; on a CPU, the growth of the resident memory.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_peak_here, case, flags).result()


def _peak_here(case: Case, flags: str | None) -> float:
    before = peak_bytes()
    side = reference(case) if flags is None else ours(case, flags)
    for _ in range(2):
        side.epoch()
    if case.device.type == "cuda":
        return float(torch.cuda.max_memory_reserved(case.device))
    return peak_bytes() - before
