"""Count the images of a run, and measure the seconds per image."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from display.reports import Progress
from util.disk.state_check import require_count, require_like

Item = TypeVar("Item")
STATUS_SECONDS = 30.0


@dataclass(frozen=True)
class Pace:
    """Mean seconds per image over an interval."""

    seconds: float
    data_seconds: float  # the part of it that was spent waiting for the loader


@dataclass(kw_only=True)
class Clock:
    """The position of a run, counted in images: it does not depend on the batch size."""

    n_epochs: int
    epoch_size: int
    epoch: int = 1
    images: int = 0
    epoch_images: int = 0
    _last_step: int = 0
    _last_look: float = 0.0  # time.perf_counter() of the last call of ``status_due``
    _last_status: float | None = None

    def __post_init__(self) -> None:
        self._start_interval()

    @property
    def progress(self) -> Progress:
        return Progress(epoch=self.epoch, n_epochs=self.n_epochs, images=self.images,
                        epoch_images=self.epoch_images, epoch_size=self.epoch_size)

    def start_epoch(self, epoch: int) -> None:
        """Start ``epoch``. A resumed epoch keeps its position."""
        if epoch != self.epoch or self.epoch_complete:
            self.epoch_images = 0
        self.epoch = epoch
        self._start_interval()

    def go_to(self, epoch: int) -> None:
        """Move to the first image of ``epoch``, as if all epochs before it were trained."""
        self.epoch = epoch
        self.images = (epoch - 1) * self.epoch_size
        self.epoch_images = 0

    def watch(self, batches: Iterable[Item]) -> Iterator[Item]:
        """Yield the batches, and measure the time spent waiting for them."""
        iterator = iter(batches)
        while True:
            start = time.perf_counter()
            batch = next(iterator, None)
            if batch is None:
                return
            self._data_seconds += time.perf_counter() - start
            yield batch

    def advance(self, images: int) -> None:
        self._last_step = images
        self._interval_images += images
        self.epoch_images += images
        self.images += images

    def due(self, every: int) -> bool:
        """Return whether the last step reached or crossed a multiple of ``every`` images."""
        return self.images // every > (self.images - self._last_step) // every

    def due_or_end(self, every: int) -> bool:
        """Return whether ``every`` images have passed or the run ends; 0: at each epoch's end."""
        if self.epoch_complete and (not every or self.epoch == self.n_epochs):
            return True
        return bool(every) and self.due(every)

    def status_due(self) -> bool:
        """Return True after the first step, and then at least every 30 s.

        Call it once for each step: the next step is assumed to take as long as the last one.
        """
        now = time.perf_counter()
        step, self._last_look = now - self._last_look, now
        if self._last_status is not None and now + step < self._last_status + STATUS_SECONDS:
            return False
        self._last_status = now
        return True

    @property
    def epoch_complete(self) -> bool:
        return self.epoch_images >= self.epoch_size

    @property
    def place(self) -> str:
        """Description of the position, for messages."""
        if self.epoch_complete:
            return f"the end of epoch {self.epoch}"
        if self.epoch_images:
            return f"epoch {self.epoch}, after {self.epoch_images} of its {self.epoch_size} images"
        return f"the beginning of epoch {self.epoch}" if self.images else "the beginning"

    @property
    def interval_images(self) -> int:
        """Number of images since the last call of ``pace``."""
        return self._interval_images

    def pace(self) -> Pace:
        """Return means over the images since the last call or the start of the epoch."""
        images = max(1, self._interval_images)
        seconds = time.perf_counter() - self._interval_start
        pace = Pace(seconds / images, self._data_seconds / images)
        self._start_interval()
        return pace

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Exclude the block from the measured time."""
        start = time.perf_counter()
        yield
        self._interval_start += time.perf_counter() - start

    def state_dict(self) -> dict[str, int]:
        return {"epoch": self.epoch, "images": self.images, "epoch_images": self.epoch_images}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Restore ``state_dict``. Raises StateError if it is not a position in a run."""
        require_like(state, self.state_dict(), "clock")
        require_count(state["epoch"], "clock.epoch", least=1)
        least = max(state["epoch"] - 1, state["epoch_images"])  # an epoch has an image or more
        require_count(state["images"], "clock.images", least=least)
        self.epoch = state["epoch"]
        self.images = state["images"]
        self.epoch_images = state["epoch_images"]

    def _start_interval(self) -> None:
        self._interval_start = time.perf_counter()
        self._interval_images = 0
        self._data_seconds = 0.0
