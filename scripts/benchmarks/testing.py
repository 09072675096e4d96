"""test.py beside the original's way of it, for benchmark.py: the same weights and pictures."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import test
import train
from scripts.benchmarks.contenders import Case, synchronise, training_flags
from scripts.benchmarks.machine import spread
from scripts.benchmarks.reference_test import TESTED, ReferenceInputs, reference_test


def testing(
    case: Case, root: Path, device: torch.device, *, images: int, repeats: int
) -> dict[str, Any]:
    """Pictures a second of each, interleaved, from the files of weights to the written page.

    The first round warms up and does not count.
    """
    run = train_briefly(case, root, device)
    contenders: dict[str, Callable[[Path], object]] = {
        "reference": lambda results: by_reference(case, root, run, results, images, device),
        "ours": lambda results: by_ours(root, run, results, images, device),
        "ours, --batch_size 1": lambda results: by_ours(root, run, results, images, device, 1),
        "networks alone": lambda results: networks_alone(case, run, images, device),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    work: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(repeats + 1):
        for name, contender in contenders.items():
            start, worked = time.perf_counter(), time.process_time()
            contender(root / "results" / f"{case.model} {name} {number}")
            synchronise(device)
            seconds[name].append(time.perf_counter() - start)
            work[name].append(time.process_time() - worked)
    counted = {name: taken[1:] for name, taken in seconds.items()}
    return {
        "case": case.name,
        "images": images,
        "images_per_s": {
            name: spread([images / one for one in taken]) for name, taken in counted.items()
        },
        # Of all threads: less than the clock's where they wait, more where they run at once.
        "cpu_s_per_image": {
            name: spread([one / images for one in taken[1:]]) for name, taken in work.items()
        },
        "ratio": {
            name: spread([r / o for r, o in zip(counted["reference"], taken, strict=True)])
            for name, taken in counted.items()
        },
    }


def train_briefly(case: Case, root: Path, device: torch.device) -> Path:
    """One step; returns the folder of the run."""
    short = f"--n_epochs 1 --n_epochs_decay 0 --overwrite --max_dataset_size 1 --name {case.model}"
    train.train([*training_flags(case, root, device), *short.split()])
    return root / "runs" / case.model


def by_reference(
    case: Case, root: Path, run: Path, results: Path, count: int, device: torch.device
) -> None:
    model = TESTED[case.model](case.netG, case.width, run, device)
    inputs = ReferenceInputs(case.model, root, case.crop)
    reference_test(model, inputs, results, count=count, device=device)


def by_ours(
    root: Path, run: Path, results: Path, count: int, device: torch.device,
    batch: int | None = None,
) -> Path:
    """Returns the path of the page."""
    gpu = "-1" if device.type == "cpu" else str(device.index or 0)
    return test.test([
        "--dataroot", str(root), "--checkpoints_dir", str(run.parent), "--name", run.name,
        "--phase", "train", "--results_dir", str(results), "--num_test", str(count),
        "--gpu_ids", gpu, *(["--batch_size", str(batch)] if batch else []),
    ])


def networks_alone(case: Case, run: Path, count: int, device: torch.device) -> None:
    """What no test can beat that translates picture by picture: nothing read, nothing written."""
    model = TESTED[case.model](case.netG, case.width, run, device)
    picture = torch.zeros(1, 3, case.crop, case.crop, device=device).uniform_(-1, 1)
    with torch.inference_mode():
        for _ in range(count):
            model.visuals(picture, picture)
