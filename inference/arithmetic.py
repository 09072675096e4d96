"""The arithmetic of the networks of a test: chosen for a GPU by comparing outputs.

``auto`` on CUDA: 8-bit outputs are computed in 16 bits if they pass a check. The check computes a
batch in float32 and in float16, and compares the outputs before they are rounded to 255 levels.

1. The first batch decides. float16 is chosen if no value differs by more than half a level, which
   leaves a factor of two for other images; else bfloat16 by the same rule; else tf32.
   Of several processes, the main one decides.
2. Batches 2, 4, 8, 16, ... are checked too. If one differs by more than a level, this batch and all
   later ones are computed in tf32, and a warning names the batch.

Other batches are not checked. Outputs of more than 8 bits, and images in tiles, are computed in
torch's own arithmetic, which is tf32 for convolutions.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import RLock
from typing import Any

import torch
from torch import Tensor

from models.execution.speed import AUTOCAST, Speed
from util.distributed import from_main
from util.flags import AUTO
from util.pixel_values import HALF_LEVELS, clamped
from util.runtime import PRECISIONS

log = logging.getLogger(__name__)

Images = Mapping[str, Tensor]  # [N, C, H, W] in -1..1, by label
_SAFE, _MOST = 0.5, 1.0  # levels: of the first batch, and of later ones


class Arithmetic:
    """Runs networks in the arithmetic that ``precision`` names or, for auto, that passes the check.

    ``current`` is the one in use, of ``util.runtime.PRECISIONS``; ``dtype`` that of the operations
    inside a network, None for float32. ``candidates``: what auto tries; the default for a CPU and
    for other devices is nothing: they use torch's own arithmetic.
    """

    def __init__(
        self, precision: str, device: torch.device, *, candidates: tuple[str, ...] | None = None
    ) -> None:
        if precision not in (AUTO, *PRECISIONS):
            raise ValueError(f"precision {precision!r} is unknown; choose from auto, "
                             f"{', '.join(PRECISIONS)}")
        if candidates is None:
            candidates = ("fp16", "bf16") if device.type == "cuda" else ()
        self.candidates = candidates if precision == AUTO else ()
        self.device = device
        self.current = "default" if precision == AUTO else precision
        self._chooses = bool(self.candidates)
        self.chosen = "" if self.candidates else self.current  # for 8-bit outputs; "": not yet
        self._batches = 0  # of 8-bit outputs
        self.may_record = device.type == "cuda"  # until a capture fails: see fast_forward.py
        # Networks of one arithmetic take turns: graphs and the arithmetic in use are common.
        self._turn: AbstractContextManager[Any] = RLock() if self.may_record else nullcontext()

    @classmethod
    def of(cls, precision: str, device: torch.device, *, exact: bool) -> "Arithmetic":
        """Log if ``precision`` has no effect or is slow. ``exact``: auto is torch's own."""
        for line in Speed(precision).remarks(device):
            log.info("%s", line)
        return cls("default" if exact and precision == AUTO else precision, device)

    @property
    def dtype(self) -> torch.dtype | None:
        return AUTOCAST.get(self.current)

    def run(self, compute: Callable[[], Images], *, is_8_bit: bool) -> Images:
        """Return ``compute()``, which may be called several times and seeds its random numbers.

        ``is_8_bit``: all outputs are rounded to 255 levels or fewer.
        """
        with self._turn:
            if not is_8_bit:
                return self._run_as(self.current, compute)
            self._batches += 1
            if self.candidates and self._batches & (self._batches - 1) == 0:  # 1, 2, 4, 8, ...
                return self._checked(compute)
            return self._run_as(self.chosen, compute)

    def agree(self) -> bool:
        """Take the choice of the main process. Return whether this changes that of the first batch.

        All processes call it after their first batch, or without one.
        """
        if not self._chooses:
            return False
        own, self.chosen = self.chosen, from_main(lambda: self.chosen) or self.chosen
        if self.chosen:
            self.candidates = (self.chosen,) if self.chosen in AUTOCAST else ()
        return bool(own) and own != self.chosen

    def _checked(self, compute: Callable[[], Images]) -> Images:
        exact = self._run_as("fp32", compute)
        limit = _MOST if self.chosen else _SAFE
        for candidate in self.candidates:
            images = self._run_as(candidate, compute)
            difference = levels_apart(images, exact)
            if difference <= limit:
                if not self.chosen:
                    log.info("arithmetic: %s, chosen because the first batch differs from fp32 by "
                             "at most %.2g of 255 levels; --precision changes it",
                             candidate, difference)
                self.chosen, self.candidates = candidate, (candidate,)
                return images
        if self.chosen:
            log.warning("arithmetic: tf32 from batch %d on, which differs in %s from fp32 by %.2g "
                        "of 255 levels; between the checks of batches 1, 2, 4, 8, ... earlier ones "
                        "may do so too: --precision tf32 or fp32 avoids it", self._batches,
                        self.chosen, difference)
        else:
            log.info("arithmetic: tf32, because the first batch differs in %s from fp32 by %.2g of "
                     "255 levels, more than %g", " and ".join(self.candidates), difference, limit)
        self.chosen, self.candidates = "tf32", ()
        return self._run_as("tf32", compute)

    def _run_as(self, precision: str, compute: Callable[[], Images]) -> Images:
        before, self.current = self.current, precision
        try:
            with self.flags():
                return compute()
        finally:
            self.current = before

    @contextmanager
    def flags(self) -> Iterator[None]:
        """Set torch's flags for tf32 inside, unless the arithmetic is torch's own."""
        if self.device.type != "cuda" or self.current == "default":
            yield
            return
        settings: list[Any] = [torch.backends.cuda.matmul, torch.backends.cudnn]
        before = [setting.allow_tf32 for setting in settings]
        for setting in settings:
            setting.allow_tf32 = self.current != "fp32"
        try:
            yield
        finally:
            for setting, value in zip(settings, before, strict=True):
                setting.allow_tf32 = value


def levels_apart(images: Images, others: Images) -> float:
    """Return the largest difference of two sets of images, in levels of 255."""
    return max(float((clamped(image.float()) - clamped(others[label].float())).abs().max())
               for label, image in images.items()) * HALF_LEVELS
