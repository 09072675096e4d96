"""Our training beside the reference mode, for benchmark.py: an epoch of each in turn."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from scripts.benchmarks.contenders import Case, Contender, Epoch, Ours, Reference
from scripts.benchmarks.machine import convolution_seconds, flops_per_image, peak_memory, spread
from training.step import TrainingStep


def training(
    case: Case, root: Path, device: torch.device, flags: str, repeats: int
) -> dict[str, Any]:
    """The figures of both, and their ratio epoch by epoch; the first of each warms up.

    ``flags`` of train.py, for our side.
    """
    ours = Ours(case, root, device, flags)
    contenders: dict[str, Contender] = {"reference": Reference(case, root, device), "ours": ours}
    epochs: dict[str, list[Epoch]] = {name: [] for name in contenders}
    for _ in range(repeats + 1):
        for name, contender in contenders.items():
            epochs[name].append(contender.epoch())
    work = flops_per_image(case, device)
    steps = [run.images / (run.seconds - run.waiting) for run in epochs["ours"][1:]]
    ours.learn = TrainingStep(ours.model)  # a replay of a recorded step shows no convolutions
    floor = convolution_seconds(ours) / case.batch
    memory = {"reference": peak_memory(case, root, device, None),
              "ours": peak_memory(case, root, device, flags)}
    found = {name: figures(runs[1:], work, memory[name]) for name, runs in epochs.items()}
    ratios = [r.seconds / o.seconds
              for r, o in zip(epochs["reference"][1:], epochs["ours"][1:], strict=True)]
    return {"case": case.name, "flops_per_image": work, **found, "ratio": spread(ratios),
            "convolutions_share": floor * spread(steps)[0]}


def figures(runs: Sequence[Epoch], flops: float, memory: float) -> dict[str, Any]:
    """Images a second with the data, and of the steps alone, as (median, lowest, highest)."""
    rates = [run.images / run.seconds for run in runs]
    return {
        "images_per_s": spread(rates),
        "step_images_per_s": spread([run.images / (run.seconds - run.waiting) for run in runs]),
        "waiting": spread([run.waiting / run.seconds for run in runs]),
        "flop_per_s": spread(rates)[0] * flops,
        "peak_bytes": memory,
    }
