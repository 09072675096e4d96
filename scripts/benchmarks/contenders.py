"""What benchmark.py measures: our training and the reference mode, an epoch at a time."""

import shlex
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from data import create_dataset
from models import create_model
from options.train_options import TrainOptions
from scripts.benchmarks.reference_data import reference_loader
from scripts.benchmarks.reference_step import REFERENCES
from training.step import training_step
from util.runtime import set_arithmetic


@dataclass(frozen=True)
class Case:
    model: str
    netG: str
    batch: int
    crop: int  # pixels
    width: int  # --ngf and --ndf

    @property
    def name(self) -> str:
        return f"{self.model} {self.netG}, {self.crop} px, ngf {self.width}, batch {self.batch}"


@dataclass(frozen=True)
class Epoch:
    images: int
    seconds: float
    waiting: float  # seconds of it without a batch to work on


class Contender:
    """``epoch`` trains once over the set, from the files to the updated weights."""

    device: torch.device

    def batches(self) -> Iterable[Any]:
        raise NotImplementedError

    def step(self, batch: Any) -> None:
        raise NotImplementedError

    def set_arithmetic(self) -> None:
        """Of the whole process, and both contenders are in one."""
        raise NotImplementedError

    def epoch(self) -> Epoch:
        self.set_arithmetic()
        start = time.perf_counter()
        waiting, images = 0.0, 0
        iterator = iter(self.batches())
        while True:
            asked = time.perf_counter()
            batch = next(iterator, None)
            waiting += time.perf_counter() - asked
            if batch is None:
                break
            self.step(batch)
            images += len(batch["A"])
        synchronise(self.device)
        return Epoch(images, time.perf_counter() - start, waiting)


class Reference(Contender):
    def __init__(self, case: Case, root: Path, device: torch.device) -> None:
        self.device = device
        self.model = REFERENCES[case.model](case.netG, case.width, device)
        self.loader = reference_loader(
            case.model, root, load=load_size(case), crop=case.crop, batch=case.batch
        )

    def batches(self) -> Iterable[Any]:
        return self.loader

    def step(self, batch: Any) -> None:
        self.model.step(batch["A"], batch["B"])

    def set_arithmetic(self) -> None:
        """As torch begins."""
        torch.set_flush_denormal(False)
        torch.backends.cudnn.benchmark = False
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = False, True


class Ours(Contender):
    def __init__(self, case: Case, root: Path, device: torch.device, flags: str = "") -> None:
        """``flags`` of train.py, added to those of the case."""
        opt = TrainOptions().parse(training_flags(case, root, device) + shlex.split(flags))
        self.opt, self.device = opt, opt.device
        self.loader = create_dataset(opt)
        self.model = create_model(opt)
        self.model.setup(opt)
        self.learn = training_step(self.model, cuda_graph=opt.cuda_graph)
        self._epoch = 0

    def batches(self) -> Iterator[Any]:
        self._epoch += 1
        self.model.update_learning_rate(1)
        self.loader.set_epoch(self._epoch)
        return iter(self.loader)

    def step(self, batch: Any) -> None:
        self.learn(batch)

    def set_arithmetic(self) -> None:
        set_arithmetic(self.opt.precision, equal_sizes=True)


def training_flags(case: Case, root: Path, device: torch.device) -> list[str]:
    gpu = "-1" if device.type == "cpu" else str(device.index or 0)
    return (
        f"--dataroot {root} --checkpoints_dir {root / 'runs'} --name bench --gpu_ids {gpu} "
        f"--model {case.model} --netG {case.netG} --ngf {case.width} --ndf {case.width} "
        f"--load_size {load_size(case)} --crop_size {case.crop} --batch_size {case.batch} "
        "--display_id 0 --no_html"
    ).split()


def load_size(case: Case) -> int:
    """286 for 256, as in the papers."""
    return case.crop * 286 // 256


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def write_pictures(root: Path, count: int, *, side: int = 256) -> None:
    """JPEGs of smooth noise, about as large as photos': pairs in train, singles in trainA, B."""
    rng = np.random.default_rng(0)
    for folder in ("train", "trainA", "trainB"):
        (root / folder).mkdir(parents=True)
    for index in range(count):
        halves = [_smooth(rng, side) for _ in range(2)]
        pair = Image.new("RGB", (2 * side, side))
        for place, (half, letter) in enumerate(zip(halves, "AB", strict=True)):
            pair.paste(half, (place * side, 0))
            half.save(root / f"train{letter}" / f"{index}.jpg", quality=90)
        pair.save(root / "train" / f"{index}.jpg", quality=90)


def link_pictures(folder: Path, root: Path, count: int) -> None:
    """The first ``count`` of each folder that ``write_pictures`` would make, where it is there.

    Raises:
        ValueError: one has fewer.
    """
    for name in ("train", "trainA", "trainB"):
        if not (folder / name).is_dir():
            continue
        files = sorted((folder / name).iterdir())
        if len(files) < count:
            raise ValueError(
                f"{folder / name} holds {len(files)} pictures, {count} are wanted; lower --images"
            )
        (root / name).mkdir()
        for file in files[:count]:
            (root / name / file.name).symlink_to(file.resolve())


def _smooth(rng: np.random.Generator, side: int) -> Image.Image:
    coarse = rng.integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
    fine = rng.normal(0, 6, (side, side, 3))
    large = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    return Image.fromarray((np.asarray(large) + fine).clip(0, 255).astype(np.uint8))
