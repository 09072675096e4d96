"""Stop at the first loss that is no number, or go on without that batch (--on_nan)."""

import logging
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from models.base_model import BaseModel
from training.clock import Clock
from util.distributed import all_gather

log = logging.getLogger(__name__)

Check = tuple[Tensor, list[str], str, list[str]]  # finite?, loss names, place, files


class NanGuard:
    """Looks at the losses of every step that is taken inside it: ``with guard: ...``.

    ``stop`` never waits for the device: a flag is copied to the host beside the work and looked
    at when it has arrived, at the latest before a save. ``skip`` must know before the weights
    change, so it waits in every step.

    Args:
        limit: batches that ``skip`` may leave out before the run stops all the same.
    """

    def __init__(self, model: BaseModel, clock: Clock, *, skip: bool, limit: int) -> None:
        self.model = model
        self.clock = clock
        self.skip = skip
        self.limit = limit
        self.skipped = 0
        self._pending: list[Check] = []
        self._before: dict[str, Any] = {}
        if skip:
            for optimizer in model.optimizers.values():
                _refuse_bad_gradients(optimizer)

    def __enter__(self) -> "NanGuard":
        self._before = self.model.step_state() if self.skip else {}
        return self

    def __exit__(self, *error: object) -> None:
        if not self.model.losses or error[0] is not None:
            return
        values = torch.stack([loss.float() for loss in self.model.losses.values()])
        place = f"epoch {self.clock.epoch}, after {self.clock.images} images"
        finite = values.isfinite()
        if finite.device.type != "cpu":
            finite = finite.to("cpu", non_blocking=True)
        self._pending.append((finite, list(self.model.losses), place, self.model.image_paths))
        if self.skip and not bool(finite.all()):
            self.model.load_step_state(self._before)
        if self.skip or values.device.type == "cpu":
            self.look()

    def look(self) -> None:
        """Judge the steps that were not judged yet.

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
        verb = "is no finite number" if len(bad) == 1 else "are no finite numbers"
        files = [path for paths in all_gather(files) for path in paths]
        what = f"{', '.join(bad)} {verb} ({place}), with {', '.join(files)}"
        if not self.skip:
            raise ValueError(
                f"{what}; stopped. The last save is whole: look at these pictures, then go on by "
                "--continue_train, with a smaller --lr or with --on_nan skip"
            )
        self.skipped += 1
        if self.skipped > self.limit:
            raise ValueError(
                f"{what}; {self.limit} batches were left out before, which is --nan_limit: "
                "look at these pictures; a smaller --lr may help, a larger --nan_limit leaves out "
                "more"
            )
        log.warning("%s: left out (%d of at most %d)", what, self.skipped, self.limit)


def _refuse_bad_gradients(optimizer: Optimizer) -> None:
    """Make ``optimizer.step`` do nothing where a gradient is not finite."""
    step = optimizer.step

    def careful(*arguments: Any) -> Any:
        gradients = [
            weight.grad
            for group in optimizer.param_groups
            for weight in group["params"]
            if weight.grad is not None
        ]
        if all(bool(gradient.isfinite().all()) for gradient in gradients):
            return step(*arguments)
        return None

    optimizer.step = careful  # type: ignore[method-assign, assignment]
