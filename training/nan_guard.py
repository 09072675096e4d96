"""Stop at the first loss that is not finite, or skip that batch (--on_nan)."""

import logging
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from models.base_model import BaseModel
from training.clock import Clock
from util.distributed import all_gather

log = logging.getLogger(__name__)

Check = tuple[Tensor, list[str], str, list[str]]  # is finite, loss names, position, files


@dataclass
class NanGuard:
    """A context that checks the losses of each step.

    Without ``skip`` a step on a GPU is not delayed: its result is copied to the host
    asynchronously and checked before the next save. With ``skip`` the result is needed in the
    same step, so each step synchronises.
    """

    model: BaseModel
    clock: Clock
    _: KW_ONLY
    skip: bool  # leave out batches with losses that are not finite, rather than stop
    limit: int  # number of batches that ``skip`` may leave out before the run stops
    skipped: int = 0
    _pending: list[Check] = field(default_factory=list)
    _before: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for optimizer in self.model.parts.optimizers.values() if self.skip else ():
            _skip_bad_gradients(optimizer)

    def __enter__(self) -> "NanGuard":
        self._before = self.model.step_state() if self.skip else {}
        return self

    def __exit__(self, *error: object) -> None:
        if not self.model.reported or error[0] is not None:
            return
        values = torch.stack([loss.float() for loss in self.model.reported.values()])
        place = f"epoch {self.clock.epoch}, after {self.clock.images} images"
        finite = values.isfinite()
        if finite.device.type != "cpu":
            finite = finite.to("cpu", non_blocking=True)
        self._pending.append((finite, list(self.model.reported), place, self.model.image_paths))
        if self.skip and not bool(finite.all()):
            self.model.load_step_state(self._before)
        if self.skip or values.device.type == "cpu":
            self.check_pending()

    def check_pending(self) -> None:
        """Check the losses of the steps since the last call.

        Raises:
            ValueError: a loss is not finite, and ``skip`` is off or has reached its limit.
        """
        if self._pending and self.model.device.type == "cuda":
            torch.cuda.synchronize(self.model.device)
        pending, self._pending = self._pending, []
        for finite, names, place, files in pending:
            bad = [name for name, good in zip(names, finite.tolist(), strict=True) if not good]
            if bad:
                self._handle(bad, place, files)

    def _handle(self, bad: Sequence[str], place: str, files: Sequence[str]) -> None:
        verb = "is" if len(bad) == 1 else "are"
        files = [path for paths in all_gather(files) for path in paths]
        what = (f"{', '.join(bad)} {verb} not finite (NaN or infinity) in {place}, "
                f"for the batch of {', '.join(files)}")
        if not self.skip:
            raise ValueError(f"{what}; stopped. The last save is intact: check these images, then "
                             "resume with --continue_train, with a smaller --lr or with --on_nan "
                             "skip")
        self.skipped += 1
        if self.skipped > self.limit:
            raise ValueError(f"{what}; {self.limit} batches were skipped before, the maximum of "
                             "--nan_limit: check these images; a smaller --lr may help, a larger "
                             "--nan_limit skips more")
        log.warning("%s: batch skipped (%d of at most %d)", what, self.skipped, self.limit)


def _skip_bad_gradients(optimizer: Optimizer) -> None:
    """Make ``optimizer.step`` do nothing if a gradient is not finite."""
    step = optimizer.step

    def step_if_finite(*arguments: Any) -> Any:
        gradients = [weight.grad for group in optimizer.param_groups for weight in group["params"]
                     if weight.grad is not None]
        finite = all(bool(gradient.isfinite().all()) for gradient in gradients)
        # Models whose gradients are averaged only in ``step`` must all take it, or none of them.
        finite = all(all_gather(finite))
        return step(*arguments) if finite else None

    optimizer.step = step_if_finite  # type: ignore[method-assign, assignment]
