"""What a training step that does not fit into memory would need, and what would fit instead."""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from torch import Tensor

from data.base_dataset import Batch
from data.transforms import PREPROCESS
from models.execution.speed import AUTOCAST
from models.networks import side_multiple
from training.memory.estimate import StepMemory
from util.text import format_bytes

SMALLEST_CROP = 32  # pixels; less is little for a PatchGAN
LITTLE = 0.01  # of the need: what saves less is not worth a flag
TIGHT = 0.9  # of the need: what may be had where memory was full although the estimate would fit


@dataclass(frozen=True)
class Plan:
    """The flags that say how large a step is."""

    batch_size: int
    crop_size: int
    grad_accum: int = 1
    checkpoint: bool = False
    precision: str = "default"

    @classmethod
    def of(cls, opt: Namespace) -> "Plan":
        return cls(
            batch_size=opt.batch_size,
            crop_size=opt.crop_size,
            grad_accum=opt.grad_accum,
            checkpoint=opt.checkpoint_activations,
            precision=opt.precision,
        )


class StepAdvice:
    """The steps of one process, estimated for the flags as they are and for others.

    Args:
        batch: a real one, whose pictures have the size that counts.
        room: bytes there are for a step, its weights and moments included.
    """

    def __init__(self, opt: Namespace, batch: Batch, room: int) -> None:
        self.opt, self.room, self.asked = opt, room, Plan.of(opt)
        self.shapes = {
            key: value.shape if isinstance(value, Tensor) else None for key, value in batch.items()
        }
        height, width = next(
            shape[-2:] for shape in self.shapes.values() if shape and len(shape) == 4
        )
        self.sides = height, width
        square = (height, width) == (opt.crop_size, opt.crop_size)
        self.crops = PREPROCESS[opt.preprocess].crops and square
        self._models: dict[Plan, StepMemory] = {}
        self._needs: dict[Plan, int] = {}

    def need(self, plan: Plan) -> int:
        """Bytes of a step."""
        if plan not in self._needs:
            sides = (plan.crop_size, plan.crop_size) if self.crops else self.sides
            images = plan.batch_size * plan.grad_accum
            self._needs[plan] = self._model(plan).peak(images, *sides)
        return self._needs[plan]

    def _model(self, plan: Plan) -> StepMemory:
        key = replace(plan, batch_size=0, crop_size=0)  # these are no part of a model
        if key not in self._models:
            flags = {
                "grad_accum": plan.grad_accum,
                "checkpoint_activations": plan.checkpoint,
                "precision": plan.precision,
            }
            self._models[key] = StepMemory(Namespace(**vars(self.opt) | flags), self.shapes)
        return self._models[key]

    @cached_property
    def limit(self) -> int:
        return min(self.room, int(TIGHT * self.need(self.asked)))

    def fits(self, plan: Plan) -> bool:
        return self.need(plan) <= self.limit

    @property
    def asked_fits(self) -> bool:
        return self.need(self.asked) <= self.room

    def largest_batch(self) -> int:
        """The largest --batch_size below the one asked for that fits; 0: none."""
        return self._largest(lambda n: replace(self.asked, batch_size=n), self.asked.batch_size, 1)

    def largest_crop(self) -> int:
        """The largest --crop_size below the one asked for that fits; 0: none."""
        if not self.crops:
            return 0
        step = side_multiple(self.opt.netG)
        sides = self.asked.crop_size // step
        first = -(-SMALLEST_CROP // step)
        return step * self._largest(
            lambda n: replace(self.asked, crop_size=n * step), sides, 2, smallest=first
        )

    def _largest(
        self, plan: Callable[[int], Plan], too_large: int, power: int, *, smallest: int = 1
    ) -> int:
        """The largest n from ``smallest`` up whose plan fits; a need grows with n ** power."""
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

    def savers(self) -> dict[str, Plan]:
        """Flags that save memory and leave the step as large as it is, and what becomes of it."""
        asked, found = self.asked, {}
        if not self.opt.compile:
            parts = [n for n in range(2, asked.batch_size + 1) if asked.batch_size % n == 0]
            accumulated = [
                replace(asked, batch_size=asked.batch_size // n, grad_accum=asked.grad_accum * n)
                for n in parts
            ]
            if accumulated:
                best = next((plan for plan in accumulated if self.fits(plan)), accumulated[-1])
                flags = f"--batch_size {best.batch_size} --grad_accum {best.grad_accum}"
                found[flags + " (the same step)"] = best
            if not asked.checkpoint:
                found["--checkpoint_activations"] = replace(asked, checkpoint=True)
        if self.opt.device.type == "cuda" and asked.precision not in AUTOCAST:
            found["--precision bf16"] = replace(asked, precision="bf16")
        most = (1 - LITTLE) * self.need(asked)
        return {flags: plan for flags, plan in found.items() if self.need(plan) <= most}

    def needs(self) -> str:
        """As in: --batch_size 8 and --crop_size 256 need about 9.1 GB, and 7.5 GB are there."""
        asked = self.asked
        size = f"--crop_size {asked.crop_size}"
        if not self.crops:
            size = f"pictures of {self.sides[1]} x {self.sides[0]} pixels"
        there = f"and {format_bytes(self.room)} are there"
        if self.asked_fits:
            there = f"and {format_bytes(self.room)} were there, in pieces or until others took some"
        return (
            f"a step with --batch_size {asked.batch_size} and {size} needs about "
            f"{format_bytes(self.need(asked))}, {there}"
        )

    def ways_out(self) -> str:
        """What would fit, and which flags save how much: one sentence."""
        batch, crop = self.largest_batch(), self.largest_crop()
        smaller = [f"--batch_size {batch}"] if batch else []
        if crop:
            load = round(self.opt.load_size * crop / self.asked.crop_size)
            smaller.append(f"--crop_size {crop} --load_size {load}")
        fitting = f"{' or '.join(smaller)} would fit" if smaller else "no smaller batch fits"
        saved = [
            f"{flags} would save {format_bytes(self.need(self.asked) - self.need(plan))}"
            + (", enough" if self.fits(plan) else "")
            for flags, plan in self.savers().items()
        ]
        return "; ".join([fitting, *saved])
