"""The terminal: a progress bar per epoch, or plain lines if the output is not a terminal."""

import logging
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from display.reports import Advice, LossReport, Progress, StatusReport
from display.sinks.base_sink import Sink

log = logging.getLogger(__name__)

_LAYOUT = ("{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} "
           "[{rate_fmt}, {remaining} left{postfix}]")
_BAR_COLUMNS = 8  # kept free for the bar


class Console(Sink):
    """``bar=None`` draws a bar if both stdout and stderr are terminals.

    Without a bar, a line shows the speed and the time left after the first step and every 30 s.
    """

    order = 0

    def __init__(self, *, bar: bool | None = None) -> None:
        self._wants_bar = sys.stdout.isatty() and sys.stderr.isatty() if bar is None else bar
        self._bar: Any = None  # a tqdm, imported when it is used
        self._status: RunStatus | None = None
        self._cleanup = ExitStack()
        self._epoch_started = time.monotonic()

    def start_epoch(self, progress: Progress) -> None:
        self._epoch_started = time.monotonic()
        is_first = self._status is None
        self._status = self._status or RunStatus(progress, time.monotonic(), self._columns)
        self._status.progress = progress
        if not self._wants_bar:
            if is_first:
                log.info("training starts: epoch %d of %d, %d of its %d images done; the losses "
                         "follow after the first step", progress.epoch, progress.n_epochs,
                         progress.epoch_images, progress.epoch_size)
            return
        from tqdm import tqdm
        from tqdm.contrib.logging import logging_redirect_tqdm

        if is_first:
            # All log lines are printed above the bar, not across it.
            self._cleanup.enter_context(logging_redirect_tqdm())
        postfix: Any = self._status  # tqdm calls str() of it
        self._bar = tqdm(desc=f"epoch {progress.epoch}/{progress.n_epochs}", leave=False,
                         total=progress.epoch_size, initial=progress.epoch_images, unit=" img",
                         bar_format=_LAYOUT, dynamic_ncols=True, postfix=postfix)

    def advance(self, progress: Progress) -> None:
        if self._status is not None:
            self._status.advance(progress, time.monotonic())
        if self._bar is not None:
            self._bar.update(progress.epoch_images - self._bar.n)

    def losses(self, report: LossReport) -> None:
        if self._status is not None:
            self._status.losses = report.losses
        for line in report.lines:
            log.info(line)

    def status(self, report: StatusReport) -> None:
        if self._status is not None:
            self._status.losses = report.losses
            if self._bar is None:
                log.info("%s", self._status.line(time.monotonic()))

    def advise(self, advice: Advice) -> None:
        log.log(logging.INFO if advice.over else logging.WARNING, "doctor: %s", advice.line)

    def end_epoch(self, progress: Progress) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        log.info("End of epoch %d / %d \t Time Taken: %d sec", progress.epoch, progress.n_epochs,
                 round(time.monotonic() - self._epoch_started))

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._cleanup.close()

    def _columns(self) -> int:
        """Return the columns left for the status, beside a short bar and the rest of the meter."""
        if self._bar is None:  # the constructor of tqdm draws the bar for the first time
            return 0
        meter = self._bar.format_dict
        rest = meter | {"bar_format": _LAYOUT.replace("{bar}", ""), "postfix": "", "ncols": None}
        columns = meter["ncols"] or sys.maxsize
        return columns - len(self._bar.format_meter(**rest)) - _BAR_COLUMNS


@dataclass
class RunStatus:
    """The end of the bar: the time left for the whole run, and as many losses as fit.

    tqdm converts it to text only when it redraws the bar. ``columns`` returns the greatest length
    of the text; the time left is always shown. Without a bar, ``line`` is the whole status.
    """

    progress: Progress
    started: float  # time.monotonic()
    columns: Callable[[], int] = lambda: sys.maxsize
    losses: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._last_image = self.progress.images
        self._last_line = self.started
        self._mean_from = self.started, self.progress.images  # later: the end of the first step
        self._steps = 0

    def advance(self, progress: Progress, now: float) -> None:
        self._steps += 1
        if self._steps == 1:
            self._first_step_seconds = now - self.started
        elif self._steps == 2:
            self._mean_from = self.started + self._first_step_seconds, self.progress.images
        self.progress = progress

    def seconds_per_image(self, now: float) -> float | None:
        """Return the mean without the first step, which is slower; None before the first step."""
        start, first = self._mean_from
        images = self.progress.images - first
        return (now - start) / images if images > 0 else None

    def seconds_left(self, now: float) -> float | None:
        """Return the time for the rest of the run at the mean speed; at first None."""
        seconds = self.seconds_per_image(now)
        return None if seconds is None else seconds * self.progress.images_left

    def line(self, now: float) -> str:
        """Return the position, the speed since the last line, the time left, and the losses."""
        place, seconds = self.progress, self.seconds_per_image(now) or 0.0
        if self._steps == 1:
            speed = f"the first step took {self._first_step_seconds:.1f} s"
        else:
            images = place.images - self._last_image
            speed = f"{images / max(now - self._last_line, 1e-9):.3g} images/s"
        self._last_image, self._last_line = place.images, now
        epoch = duration(seconds * max(0, place.epoch_size - place.epoch_images))
        run = duration(seconds * place.images_left)
        losses = " ".join(f"{name}: {value:.3f}" for name, value in self.losses.items())
        return (f"epoch {place.epoch}/{place.n_epochs}, image {place.epoch_images}/"
                f"{place.epoch_size}: {speed}, epoch {epoch} left, run {run} left; {losses}")

    def __str__(self) -> str:
        seconds = self.seconds_left(time.monotonic())
        text = f", run {'?' if seconds is None else duration(seconds)} left"
        columns = self.columns()
        for number, (name, value) in enumerate(self.losses.items()):
            loss = f"{' ' if number else '; '}{name}={value:.3f}"
            if len(text + loss) > columns:
                break
            text += loss
        return text


def duration(seconds: float) -> str:
    """Format as ``4:07``, ``1:02:03``, or ``2 d 03:04`` (days, hours and minutes)."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    if hours >= 24:
        return f"{hours // 24} d {hours % 24:02}:{minute:02}"
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
