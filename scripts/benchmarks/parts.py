"""Loading, starting and testing beside the reference, for run.py."""

import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch

import test
import train
from data import create_dataset
from options.train_options import TrainOptions
from scripts.benchmarks.common import ROOT, Rows, in_turn, spread, synchronise
from scripts.benchmarks.contenders import Case
from scripts.benchmarks.reference_data import ReferenceSet, reference_test


def loading(case: Case, *, images: int, repeats: int) -> Rows:
    """Return a table row for each loader, without a model, in one process.

    CPU time is used because wall-clock time depends on the other programs of a busy machine.
    """
    torch.empty(2**24, dtype=torch.uint8)  # so that malloc keeps large blocks, as in a training

    def ours(flags: str) -> Any:
        return create_dataset(TrainOptions().parse(case.flags(f"--num_threads 0 {flags}")))

    def rate(batches: Iterable[Any], epochs: int) -> float:
        start = time.process_time()
        for _ in range(epochs):
            deque(batches, maxlen=0)
        return epochs * images / (time.process_time() - start)

    cached = ours("--cache ram")
    rates = in_turn({
        "reference": partial(rate, case.reference_loader(workers=0), 1),
        "uncached, --resize pillow": partial(rate, ours("--cache none --resize pillow"), 1),
        "uncached": partial(rate, ours("--cache none"), 1),
        "cached": partial(rate, cached, 20),
        # The work of a worker if a GPU converts to floats.
        "cached, before the floats": partial(rate, cached._batches, 20),
    }, repeats)
    return {name: {"pairs a CPU second": spread(values),
                   "times reference": median(values) / median(rates["reference"])}
            for name, values in rates.items()}


def starting(case: Case) -> Rows:
    def seconds(flags: list[str], first: str) -> float:
        """Return the time from the start of train.py to a line that begins with ``first``."""
        start, text = time.perf_counter(), ""
        with subprocess.Popen([sys.executable, "-u", "train.py", *flags], cwd=ROOT,
                              stdout=subprocess.PIPE, text=True) as program:
            for line in program.stdout or ():
                text += line
                if line.startswith(first):
                    program.kill()
                    return time.perf_counter() - start
        raise RuntimeError(f"train.py ended before its first step:\n{text}")

    words = case.flags(f"--overwrite --print_freq {case.batch}")
    return {"first losses": {"seconds": spread(seconds(words, "(epoch: 1,") for _ in range(3))},
            "--help": {"seconds": spread(seconds(["--help"], "usage:") for _ in range(3))}}


def testing(case: Case, *, images: int, repeats: int) -> Rows:
    """Return a table row for each side, from the files of weights to the written page.

    All sides have the same weights and images. The CPU time is that of all threads.
    """
    run = train_briefly(case)

    def timed(name: str, side: Callable[[Path], object]) -> tuple[float, float]:
        start, cpu_start = time.perf_counter(), time.process_time()
        side(case.root / "results" / f"{case.model} {name} {start}")
        synchronise(case.device)
        return time.perf_counter() - start, time.process_time() - cpu_start

    sides: dict[str, Callable[[Path], object]] = {
        "reference": partial(by_reference, case, run, count=images),
        "ours": partial(by_ours, case, run, count=images),
        "ours, --batch_size 1": partial(by_ours, case, run, count=images, more="--batch_size 1"),
        "networks alone": partial(networks_alone, case, run, count=images),
    }
    times = in_turn({name: partial(timed, name, side) for name, side in sides.items()}, repeats)
    return {name: {"images/s": spread(images / seconds for seconds, _ in pairs),
                   "times reference": spread(theirs / seconds for (theirs, _), (seconds, _)
                                             in zip(times["reference"], pairs, strict=True)),
                   "CPU ms an image": 1000 * median(cpu for _, cpu in pairs) / images}
            for name, pairs in times.items()}


def train_briefly(case: Case) -> Path:
    """Train one step and return the run folder."""
    train.train(case.flags("--n_epochs 1 --n_epochs_decay 0 --overwrite --max_dataset_size 1 "
                           f"--name {case.model}"))
    return case.root / "runs" / case.model


def by_reference(case: Case, run: Path, results: Path, *, count: int) -> None:
    images = ReferenceSet(case.model, case.root, load=case.crop, crop=case.crop, is_train=False)
    reference_test(case.reference_model(run), images, results, count=count)


def by_ours(case: Case, run: Path, results: Path, *, count: int, more: str = "") -> Path:
    """Return the path of the page."""
    return test.test(["--dataroot", str(case.root), "--checkpoints_dir", str(run.parent), "--name",
                      run.name, "--phase", "train", "--results_dir", str(results), "--num_test",
                      str(count), "--gpu_ids", case.gpu, *more.split()])


def networks_alone(case: Case, run: Path, results: Path, *, count: int) -> None:
    """Translate without reading or writing: a limit for any test that takes single images."""
    model = case.reference_model(run)
    image = torch.zeros(1, 3, case.crop, case.crop, device=case.device).uniform_(-1, 1)
    with torch.inference_mode():
        for _ in range(count):
            model.translate(image, image)
