"""A display in a thread of its own: the training hands its reports over and never waits."""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Hashable
from functools import partial
from operator import itemgetter

from display.reports import FilmReport, LossReport, PictureReport, Progress
from display.sinks.base_sink import Sink

log = logging.getLogger(__name__)

_PLENTY = 10_000  # reports of losses that may wait: some MB


class Background(Sink):
    """Hands reports on to ``sink``, in their order, in a daemon thread.

    Losses and starts of epochs wait until the sink has time. Of pictures the newest wait: one per
    epoch that keeps them, at most ``pictures`` in all. After each batch of reports the sink may
    ``refresh``, then rests for ``pause_seconds``. ``advance`` is not handed on.

    What the sink raises is said once and does not end the training; from the first call that
    fails to the next that works is one outage. ``close`` waits at most ``close_seconds``, counted
    from ``finish``.
    """

    def __init__(
        self, sink: Sink, *, pictures: int = 8, pause_seconds: float = 0.0,
        close_seconds: float = 6.0,
    ) -> None:
        self.sink = sink
        self.title = sink.title
        self._pause_seconds = pause_seconds
        self._close_seconds = close_seconds
        self._limits = {
            "start_epoch": _PLENTY, "losses": _PLENTY, "pictures": pictures, "film": pictures,
            "end_epoch": 1,
        }
        self._waiting: dict[str, dict[Hashable, tuple[int, Callable[[], None]]]] = {
            kind: {} for kind in self._limits
        }
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._deadline: float | None = None
        self._failing: set[str] = set()
        self._fell_behind = False
        self._thread = threading.Thread(target=self._work, name=self.title, daemon=True)

    def start_epoch(self, progress: Progress) -> None:
        self._hand_over("start_epoch", progress.epoch, partial(self.sink.start_epoch, progress))

    def losses(self, report: LossReport) -> None:
        self._hand_over("losses", report.progress.images, partial(self.sink.losses, report))

    def pictures(self, report: PictureReport) -> None:
        place = report.progress.epoch if report.keep else None
        self._hand_over("pictures", place, partial(self.sink.pictures, report))

    def film(self, report: FilmReport) -> None:
        self._hand_over("film", report.number, partial(self.sink.film, report))

    def end_epoch(self, progress: Progress) -> None:
        self._hand_over("end_epoch", None, partial(self.sink.end_epoch, progress))

    def finish(self) -> None:
        with self._changed:
            if self._deadline is None:
                self._deadline = time.monotonic() + self._close_seconds
                self._changed.notify()

    def close(self) -> None:
        self.finish()
        if not self._thread.ident or self._deadline is None:
            return
        self._thread.join(max(0.0, self._deadline - time.monotonic()))
        if self._thread.is_alive():
            self._complain("close", f"not finished within {self._close_seconds:.0f} s, left alone")

    def _hand_over(self, kind: str, place: Hashable, call: Callable[[], None]) -> None:
        """A report for a ``place`` that is taken replaces the older one."""
        with self._changed:
            waiting = self._waiting[kind]
            waiting.pop(place, None)
            waiting[place] = (next(self._order), call)
            crowded = len(waiting) > self._limits[kind]
            if crowded:
                del waiting[next(iter(waiting))]
            self._changed.notify()
        if crowded and self._limits[kind] > 1 and not self._fell_behind:
            self._fell_behind = True
            log.warning("%s: cannot keep up, some %s are left out", self.title, kind)
        # Not before the first report of an epoch: by then the loader has forked its workers,
        # which would inherit the locks that a thread holds.
        if kind != "start_epoch" and not self._thread.ident:
            self._thread.start()

    def _work(self) -> None:
        while self._wait():
            self._hand_on()
            with self._changed:
                self._changed.wait_for(lambda: self._deadline is not None, self._pause_seconds)
        self._hand_on()
        self._attempt("close", self.sink.close)

    def _wait(self) -> bool:
        """Until there is a report to hand on (True), or none will come (False)."""
        with self._changed:
            self._changed.wait_for(lambda: self._deadline or any(self._waiting.values()))
            return self._deadline is None

    def _hand_on(self) -> None:
        with self._changed:
            calls = [
                (number, kind, call)
                for kind, waiting in self._waiting.items()
                for number, call in waiting.values()
            ]
            for waiting in self._waiting.values():
                waiting.clear()
        for _, kind, call in sorted(calls, key=itemgetter(0)):
            self._attempt(kind, call)
        self._attempt("refresh", self.sink.refresh)

    def _attempt(self, kind: str, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:
            log.debug("%s: %s", self.title, kind, exc_info=True)
            self._complain(kind, str(error) or type(error).__name__)
            return
        if kind in self._failing:
            self._failing.remove(kind)
            if not self._failing:
                log.info("%s: works again", self.title)

    def _complain(self, kind: str, reason: str) -> None:
        if not self._failing:
            log.warning("%s: %s. Training goes on.", self.title, reason)
        self._failing.add(kind)
