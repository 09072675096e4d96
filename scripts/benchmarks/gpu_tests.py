"""Measure test.py beside the reference's way, from weights and image files to the page, for gpu.py.

Both run in this process, with the same random weights: the time does not depend on their values.
"""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch

from models import create_model
from options.train_options import TrainOptions
from scripts.benchmarks.common import seconds_of
from scripts.benchmarks.contenders import Case
from scripts.benchmarks.parts import by_ours, by_reference

WARM_UP = 16  # images, which the timing does not contain: libraries choose their kernels
FLAGS = ("", "--exact", "--precision tf32")


def tests_of(case: Case, count: int) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the rows of the reference and of each set of flags, for ``count`` images."""
    run = untrained(case)
    sides: dict[str, Callable[..., object]] = {"reference": by_reference}
    sides |= {flags or "default": partial(by_ours, more=flags) for flags in FLAGS}
    base = float("nan")
    for name, side in sides.items():
        # The original searches for the fastest convolution, too; test.py does not.
        torch.backends.cudnn.benchmark = name == "reference"
        with tempfile.TemporaryDirectory() as folder:
            side(case, run, Path(folder) / "warm_up", count=min(WARM_UP, count))
            rate = count / seconds_of(
                partial(side, case, run, Path(folder) / "results", count=count), case.device)
        base = rate if name == "reference" else base
        yield name, {"images/s": rate, "times reference": rate / base}


def untrained(case: Case) -> Path:
    """Write a run with random weights; return its folder."""
    options = TrainOptions()
    opt = options.parse(case.flags(f"--overwrite --name untrained_{case.model} --exact"))
    model = create_model(opt)
    model.setup(opt)
    model.save_networks("latest")
    options.save(opt)
    return Path(opt.checkpoints_dir, opt.name)
