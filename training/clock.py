"""The run's clock: counts images, and the seconds they took."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from display.reports import Progress

Item = TypeVar("Item")


@dataclass(frozen=True)
class Pace:
    """Means since the last look, in seconds per image."""

    seconds: float
    data_seconds: float  # the part of it spent waiting for the loader


class Clock:
    """One counter for the whole run: images seen, whatever the batch size."""

    def __init__(self, *, n_epochs: int, epoch_size: int) -> None:
        self.n_epochs = n_epochs
        self.epoch_size = epoch_size
        self.epoch = 1
        self.images = 0
        self.epoch_images = 0
        self._last_step = 0
        self._start_interval()

    @property
    def progress(self) -> Progress:
        return Progress(
            epoch=self.epoch,
            n_epochs=self.n_epochs,
            images=self.images,
            epoch_images=self.epoch_images,
            epoch_size=self.epoch_size,
        )

    def start_epoch(self, epoch: int) -> None:
        """Enter ``epoch``. Entering it again, after a resume, keeps the place inside it."""
        if epoch != self.epoch or self.epoch_complete:
            self.epoch_images = 0
        self.epoch = epoch
        self._start_interval()

    def go_to(self, epoch: int) -> None:
        """Stand before the first image of ``epoch``, as if the run had come here."""
        self.epoch = epoch
        self.images = (epoch - 1) * self.epoch_size
        self.epoch_images = 0

    def watch(self, batches: Iterable[Item]) -> Iterator[Item]:
        """Hand the batches on, and measure how long each one was waited for."""
        iterator = iter(batches)
        while True:
            asked = time.perf_counter()
            batch = next(iterator, None)
            if batch is None:
                return
            self._data_seconds += time.perf_counter() - asked
            yield batch

    def advance(self, images: int) -> None:
        self._last_step = images
        self._interval_images += images
        self.epoch_images += images
        self.images += images

    def due(self, every: int) -> bool:
        """Whether the last step reached or crossed a multiple of ``every`` images."""
        return self.images // every > (self.images - self._last_step) // every

    def due_or_end(self, every: int) -> bool:
        """Return whether something is due every ``every`` images and at the end of the run.

        0: at the end of every epoch.
        """
        if self.epoch_complete and (not every or self.epoch == self.n_epochs):
            return True
        return bool(every) and self.due(every)

    @property
    def epoch_complete(self) -> bool:
        return self.epoch_images >= self.epoch_size

    @property
    def place(self) -> str:
        """For people: where the run stands."""
        if self.epoch_complete:
            return f"the end of epoch {self.epoch}"
        if self.epoch_images:
            return f"epoch {self.epoch}, after {self.epoch_images} of its {self.epoch_size} images"
        return f"the beginning of epoch {self.epoch}" if self.images else "the beginning"

    @property
    def unread(self) -> int:
        """Images since the last look at the pace."""
        return self._interval_images

    def pace(self) -> Pace:
        """Means over the images since the last call (or the start of the epoch)."""
        images = max(1, self._interval_images)
        seconds = time.perf_counter() - self._interval_start
        pace = Pace(seconds / images, self._data_seconds / images)
        self._start_interval()
        return pace

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What is done inside does not count as time of the training."""
        begun = time.perf_counter()
        yield
        self._interval_start += time.perf_counter() - begun

    def state_dict(self) -> dict[str, int]:
        return {"epoch": self.epoch, "images": self.images, "epoch_images": self.epoch_images}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        self.epoch = state["epoch"]
        self.images = state["images"]
        self.epoch_images = state["epoch_images"]

    def _start_interval(self) -> None:
        self._interval_start = time.perf_counter()
        self._interval_images = 0
        self._data_seconds = 0.0
