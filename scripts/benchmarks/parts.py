"""The parts around the step, for benchmark.py: loading and starting."""

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from data import create_dataset
from options.train_options import TrainOptions
from scripts.benchmarks.contenders import Case, load_size, training_flags
from scripts.benchmarks.reference_data import reference_loader

PROGRAMS = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")


def loaders(case: Case, root: Path) -> dict[str, Iterable[Any]]:
    """One process each, and no model: batches of float32 on the CPU."""

    def ours(flags: str) -> Iterable[Any]:
        words = [*training_flags(case, root, CPU), "--num_threads", "0", *flags.split()]
        return create_dataset(TrainOptions().parse(words))

    cached = ours("--cache ram")
    return {
        "reference": reference_loader(
            case.model, root, load=load_size(case), crop=case.crop, batch=case.batch, workers=0
        ),
        "uncached, --resize pillow": ours("--cache none --resize pillow"),
        "uncached": ours("--cache none"),
        "cached": cached,
        # What is left to a worker where a GPU makes the floats.
        "cached, before the floats": cached._batches,  # type: ignore[attr-defined]
    }


def pairs_per_second(batches: Iterable[Any], *, images: int, least: int) -> float:
    """For each second of the CPU: on a busy machine, seconds of the clock say little.

    Over as many epochs as give at least ``least`` images.
    """
    epochs = -(-least // images)
    start = time.process_time()
    for _ in range(epochs):
        for _ in batches:
            pass
    return epochs * images / (time.process_time() - start)


def loading(case: Case, root: Path, *, images: int, repeats: int) -> dict[str, list[float]]:
    """Pairs a second of each loader, interleaved; the first round warms up."""
    torch.empty(2**24, dtype=torch.uint8)  # so that malloc keeps large blocks, as in a training
    kinds = loaders(case, root)
    found: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(repeats + 1):
        for name, batches in kinds.items():
            least = 20 * images if name.startswith("cached") else images
            found[name].append(pairs_per_second(batches, images=images, least=least))
    return {name: values[1:] for name, values in found.items()}


def seconds_to_first_step(case: Case, root: Path, device: torch.device, flags: str) -> float:
    """From the start of train.py to the first line of losses."""
    words = [*training_flags(case, root, device), *flags.split(), "--overwrite", "--print_freq"]
    command = [sys.executable, "-u", "train.py", *words, str(case.batch)]
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=PROGRAMS, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        lines = []
        for line in program.stdout:
            lines.append(line)
            if line.startswith("(epoch: 1,"):
                program.kill()
                return time.perf_counter() - start
    raise RuntimeError("train.py ended before its first step:\n" + "".join(lines))


def seconds_of_help() -> float:
    start = time.perf_counter()
    command = [sys.executable, "train.py", "--help"]
    subprocess.run(command, cwd=PROGRAMS, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
