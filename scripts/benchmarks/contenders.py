"""The two sides that run.py compares: our training and the reference, one epoch at a time."""

import itertools
import shlex
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader

from data import create_dataset
from models import create_model
from options.train_options import TrainOptions
from scripts.benchmarks.common import synchronise
from scripts.benchmarks.reference_data import ReferenceSet
from scripts.benchmarks.reference_step import REFERENCES, Reference
from training.step import training_step
from util.runtime import count_cores, set_arithmetic

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Case:
    """One configuration that both sides train, with the images in ``root``.

    ``crop`` in pixels; ``width``: --ngf and --ndf.
    """

    model: str
    netG: str
    batch: int
    crop: int
    width: int
    root: Path = Path()
    device: torch.device = CPU

    @property
    def load(self) -> int:
        """Side before the crop: 286 for 256, as in the papers."""
        return self.crop * 286 // 256

    @property
    def gpu(self) -> str:
        return "-1" if self.device.type == "cpu" else str(self.device.index or 0)

    def flags(self, more: str = "") -> list[str]:
        """Return the flags of train.py, with ``more`` at their end."""
        return shlex.split(f"--dataroot {self.root} --checkpoints_dir {self.root / 'runs'} --name "
                           f"bench --display_id 0 --no_html --gpu_ids {self.gpu} --model "
                           f"{self.model} --netG {self.netG} --ngf {self.width} --ndf {self.width} "
                           f"--load_size {self.load} --crop_size {self.crop} --batch_size "
                           f"{self.batch} {more}")

    def reference_model(self, run: Path | None = None) -> Reference:
        """Return a new model, or the trained generators of the folder ``run``."""
        return REFERENCES[self.model](self.netG, self.width, self.device, run)

    def reference_loader(self, workers: int | None = None) -> DataLoader[Any]:
        """Return the original's loader: four workers, started for each epoch, memory not pinned.

        There are at most as many workers as cores, as torch advises.
        """
        images = ReferenceSet(self.model, self.root, load=self.load, crop=self.crop, is_train=True)
        workers = min(4, count_cores()) if workers is None else workers
        return DataLoader(images, batch_size=self.batch, shuffle=True, num_workers=workers)


class EpochTimes(NamedTuple):
    images: int
    seconds: float
    waiting: float  # seconds without a batch to work on


@dataclass
class Contender:
    """One side. ``batches`` applies its settings of torch, and returns the batches of an epoch."""

    device: torch.device
    model: Any
    batches: Callable[[], Iterable[Any]]
    step: Callable[[Any], object]

    def epoch(self) -> EpochTimes:
        """Train one epoch, from the image files to the updated weights."""
        start = asked = time.perf_counter()
        waiting, images = 0.0, 0
        for batch in self.batches():
            waiting += time.perf_counter() - asked
            self.step(batch)
            images += len(batch["A"])
            asked = time.perf_counter()
        waiting += time.perf_counter() - asked
        synchronise(self.device)
        return EpochTimes(images, time.perf_counter() - start, waiting)


def reference(case: Case, workers: int | None = None) -> Contender:
    model, loader = case.reference_model(), case.reference_loader(workers)

    def batches() -> Iterable[Any]:
        torch.set_flush_denormal(False)
        torch.backends.cudnn.benchmark = False
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = False, True
        return loader

    def step(batch: Any) -> None:
        model.train_step(batch["A"].to(case.device), batch["B"].to(case.device))

    return Contender(case.device, model, batches, step)


def ours(case: Case, flags: str = "") -> Contender:
    opt = TrainOptions().parse(case.flags(flags))
    loader, model = create_dataset(opt), create_model(opt)
    model.setup(opt)
    numbers = itertools.count(1)

    def batches() -> Iterable[Any]:
        set_arithmetic(opt.precision, equal_sizes=True)
        model.update_learning_rate(1)
        loader.set_epoch(next(numbers))
        return loader

    return Contender(opt.device, model, batches, training_step(model, cuda_graph=opt.cuda_graph))
