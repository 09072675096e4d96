"""The terminal: a progress bar per epoch, or plain lines where there is no terminal."""

import logging
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from util.sinks import LossReport, Progress, Sink

log = logging.getLogger(__name__)

_LAYOUT = (
    "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{rate_fmt}, {remaining} left{postfix}]"
)


class Console(Sink):
    """``bar=None`` draws a bar if both stdout and stderr are terminals."""

    def __init__(self, *, bar: bool | None = None) -> None:
        self._wants_bar = sys.stdout.isatty() and sys.stderr.isatty() if bar is None else bar
        self._bar: Any = None  # a tqdm, imported where it is wanted
        self._status: RunStatus | None = None
        self._cleanup = ExitStack()
        self._epoch_started = time.monotonic()

    def start_epoch(self, progress: Progress) -> None:
        self._epoch_started = time.monotonic()
        if not self._wants_bar:
            return
        from tqdm import tqdm
        from tqdm.contrib.logging import logging_redirect_tqdm

        if self._status is None:
            # Every log line, from wherever, goes above the bar instead of through it.
            self._cleanup.enter_context(logging_redirect_tqdm())
            self._status = RunStatus(progress, now=time.monotonic())
        self._close_bar()
        self._status.progress = progress
        self._bar = tqdm(
            desc=f"epoch {progress.epoch}/{progress.n_epochs}",
            total=progress.epoch_size,
            initial=progress.epoch_images,
            unit=" img",
            bar_format=_LAYOUT,
            dynamic_ncols=True,
            leave=False,
        )
        self._bar.postfix = self._status  # tqdm formats whatever object stands here

    def advance(self, progress: Progress) -> None:
        if self._bar is not None and self._status is not None:
            self._status.progress = progress
            self._bar.update(progress.epoch_images - self._bar.n)

    def losses(self, report: LossReport) -> None:
        if self._status is not None:
            self._status.losses = report.losses
        log.info(report.line)

    def end_epoch(self, progress: Progress) -> None:
        self._close_bar()
        seconds = time.monotonic() - self._epoch_started
        log.info(
            "End of epoch %d / %d \t Time Taken: %d sec",
            progress.epoch, progress.n_epochs, round(seconds),
        )

    def close(self) -> None:
        self._close_bar()
        self._cleanup.close()

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class RunStatus:
    """The end of the bar: time left for the whole run, and the last losses.

    tqdm turns it into text only when it redraws the bar, so it costs nothing in between.
    """

    def __init__(self, progress: Progress, *, now: float) -> None:
        self.progress = progress
        self.losses: Mapping[str, float] = {}
        self._first_image = progress.images
        self._started = now

    def seconds_left(self, now: float) -> float | None:
        """For the rest of the run at the mean speed so far; None before the first image."""
        images = self.progress.images - self._first_image
        if images <= 0:
            return None
        return (now - self._started) / images * self.progress.images_left

    def __str__(self) -> str:
        seconds = self.seconds_left(time.monotonic())
        left = "?" if seconds is None else duration(seconds)
        losses = "".join(f" {name}={value:.3f}" for name, value in self.losses.items())
        return f", run {left} left" + (losses and f";{losses}")


def duration(seconds: float) -> str:
    """``4:07``, ``1:02:03``, or ``2 d 03:04`` (days, hours and minutes)."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} d {hour:02}:{minute:02}"
    if hour:
        return f"{hour}:{minute:02}:{second:02}"
    return f"{minute}:{second:02}"
