"""Find smaller training steps that fit into memory, and flags that save memory."""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property

from torch import Tensor

from data.base_dataset import Batch
from data.transforms import PREPROCESS
from models.execution.speed import AUTOCAST
from models.networks import side_multiple
from training.memory.estimate import StepMemory
from util.text import format_bytes

SMALLEST_CROP = 32  # pixels; smaller crops are not useful for a PatchGAN
LEAST_SAVING = 0.01  # of the need; flags that save less are not named
TIGHT = 0.9  # of the need: the limit if memory was full although the estimate fits


@dataclass(frozen=True)
class StepPlan:
    """The flags that decide how much memory a step needs, under their own names."""

    batch_size: int
    crop_size: int
    grad_accum: int = 1
    checkpoint_activations: bool = False
    precision: str = "default"

    @classmethod
    def of(cls, opt: Namespace) -> "StepPlan":
        return cls(**{flag.name: getattr(opt, flag.name) for flag in fields(cls)})


class StepAdvice:
    """Estimates for the steps of one process, with the given flags and with others.

    Args:
        batch: a real batch; its images have the size that decides.
        available: bytes available for a step, including weights and moments.
    """

    def __init__(self, opt: Namespace, batch: Batch, available: int) -> None:
        self.opt, self.available, self.given = opt, available, StepPlan.of(opt)
        self.shapes = {
            key: value.shape if isinstance(value, Tensor) else None for key, value in batch.items()
        }
        height, width = next(
            shape[-2:] for shape in self.shapes.values() if shape and len(shape) == 4
        )
        self.sides = height, width
        square = (height, width) == (opt.crop_size, opt.crop_size)
        self.crops = PREPROCESS[opt.preprocess].crops and square
        self._models: dict[StepPlan, StepMemory] = {}
        self._needs: dict[StepPlan, int] = {}

    def need(self, plan: StepPlan) -> int:
        """Return the bytes of a step."""
        if plan not in self._needs:
            sides = (plan.crop_size, plan.crop_size) if self.crops else self.sides
            images = plan.batch_size * plan.grad_accum
            self._needs[plan] = self._model(plan).peak(images, *sides)
        return self._needs[plan]

    def _model(self, plan: StepPlan) -> StepMemory:
        given = self.given
        key = replace(plan, batch_size=given.batch_size, crop_size=given.crop_size)
        if key not in self._models:  # a model serves all sizes
            opt = Namespace(**vars(self.opt) | asdict(key))
            self._models[key] = StepMemory(opt, self.shapes)
        return self._models[key]

    @cached_property
    def limit(self) -> int:
        return min(self.available, int(TIGHT * self.need(self.given)))

    def fits(self, plan: StepPlan) -> bool:
        return self.need(plan) <= self.limit

    @property
    def given_fits(self) -> bool:
        return self.need(self.given) <= self.available

    def largest_batch(self) -> int:
        """Return the largest --batch_size below the given one that fits; 0 if none does."""
        return self._largest(lambda n: replace(self.given, batch_size=n), self.given.batch_size, 1)

    def largest_crop(self) -> int:
        """Return the largest --crop_size below the given one that fits; 0 if none does."""
        if not self.crops:
            return 0
        step = side_multiple(self.opt.netG)
        return step * self._largest(lambda n: replace(self.given, crop_size=n * step),
                                    self.given.crop_size // step, 2,
                                    smallest=-(-SMALLEST_CROP // step))

    def _largest(
        self, plan: Callable[[int], StepPlan], too_large: int, power: int, *, smallest: int = 1
    ) -> int:
        """Return the largest n from ``smallest`` whose plan fits; the need grows with n ** power.
        """
        low, high = smallest, too_large
        if low >= high or not self.fits(plan(low)):
            return 0
        while high - low > 1:
            least, most = self.need(plan(low)), self.need(plan(high))
            share = (self.limit - least) / max(1, most - least)
            guess = (low**power + share * (high**power - low**power)) ** (1 / power)
            n = min(max(int(guess), low + 1), high - 1)
            low, high = (n, high) if self.fits(plan(n)) else (low, n)
        return low

    def memory_savings(self) -> dict[str, StepPlan]:
        """Map flags that save memory without changing the size of the step to their plans."""
        given, plans = self.given, {}
        if not self.opt.compile:
            accumulated = [
                replace(given, batch_size=given.batch_size // n, grad_accum=given.grad_accum * n)
                for n in range(2, given.batch_size + 1) if given.batch_size % n == 0
            ]
            if accumulated:
                best = next((plan for plan in accumulated if self.fits(plan)), accumulated[-1])
                flags = f"--batch_size {best.batch_size} --grad_accum {best.grad_accum}"
                plans[flags + " (the same step)"] = best
            if not given.checkpoint_activations:
                plans["--checkpoint_activations"] = replace(given, checkpoint_activations=True)
        if self.opt.device.type == "cuda" and given.precision not in AUTOCAST:
            plans["--precision bf16"] = replace(given, precision="bf16")
        most = (1 - LEAST_SAVING) * self.need(given)
        return {flags: plan for flags, plan in plans.items() if self.need(plan) <= most}

    def describe_need(self) -> str:
        """Return, for example, "a step with --batch_size 8 and --crop_size 256 needs about 9.1 GB,
        but 7.5 GB are available".
        """
        size = f"--crop_size {self.given.crop_size}"
        if not self.crops:
            size = f"images of {self.sides[1]} x {self.sides[0]} pixels"
        available = f"but {format_bytes(self.available)} are available"
        if self.given_fits:
            available = (f"and {format_bytes(self.available)} were available, but fragmented or "
                         "partly taken by other programs")
        return (f"a step with --batch_size {self.given.batch_size} and {size} needs about "
                f"{format_bytes(self.need(self.given))}, {available}")

    def describe_fixes(self) -> str:
        """Return which smaller sizes would fit, and how much memory other flags save."""
        batch, crop = self.largest_batch(), self.largest_crop()
        smaller = [f"--batch_size {batch}"] if batch else []
        if crop:
            load = round(self.opt.load_size * crop / self.given.crop_size)
            smaller.append(f"--crop_size {crop} --load_size {load}")
        fitting = f"{' or '.join(smaller)} would fit" if smaller else "no smaller batch fits"
        saved = [f"{flags} would save {format_bytes(self.need(self.given) - self.need(plan))}"
                 + (", which is enough" if self.fits(plan) else "")
                 for flags, plan in self.memory_savings().items()]
        return "; ".join([fitting, *saved])
