"""Run a display in its own thread, so that the training never waits for it."""

import logging
import threading
import time
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

from display.sinks.base_sink import Sink

log = logging.getLogger(__name__)

_UNLIMITED = 10_000  # waiting reports of losses: a few MB
_QUIET_SECONDS = 6.0  # at the end, before a line tells what the program waits for
_KEYS: dict[str, Callable[[Any], Hashable]] = {  # a report replaces a waiting one with its key
    "start_epoch": lambda progress: progress.epoch,
    "losses": lambda report: report.progress.images,
    "pictures": lambda report: report.progress.epoch if report.keep else None,
    "status": lambda report: None,
    "film": lambda report: report.number,
    "advise": lambda advice: (advice.images, advice.complaint),
    "end_epoch": lambda progress: None,
}


class Background(Sink):
    """Passes reports to ``sink``, in their order, in a daemon thread.

    Reports of losses, advice and starts of epochs wait until the sink is free. Of the images only
    the newest wait: one report per epoch if the page keeps them, at most ``pictures`` in all. After
    each batch of reports the thread calls ``refresh`` and then sleeps for ``pause_seconds``.
    ``advance`` is not passed on.

    An exception of the sink does not end the training. Each outage is logged once; it ends when
    all failed methods have succeeded. ``close`` waits as long as reports are shown, and up to
    ``close_seconds`` for a single one.
    """

    def __init__(
        self, sink: Sink, *, pictures: int = 8, pause_seconds: float = 0.0,
        close_seconds: float = 6.0,
    ) -> None:
        self.sink, self.title = sink, sink.title
        self._pause_seconds, self._close_seconds = pause_seconds, close_seconds
        for method in _KEYS:
            setattr(self, method, partial(self._enqueue, method))
        self._limits = {"start_epoch": _UNLIMITED, "losses": _UNLIMITED, "pictures": pictures,
                        "film": pictures, "advise": _UNLIMITED, "end_epoch": 1, "status": 1}
        self._waiting: dict[tuple[str, Hashable], Callable[[], None]] = {}  # in their order
        self._changed = threading.Condition()
        self._deadline: float | None = None
        self._done = 0  # calls of the sink that have returned
        self._failing: set[str] = set()  # methods whose last call raised
        self._fell_behind = False
        self._thread = threading.Thread(target=self._work, name=self.title, daemon=True)

    def finish(self) -> None:
        with self._changed:
            if self._deadline is None:
                self._deadline = time.monotonic() + self._close_seconds
                self._changed.notify()

    def close(self) -> None:
        self.finish()
        if not self._thread.ident or self._deadline is None:
            return
        deadline, done, logged = self._deadline, self._done, False
        while self._join_until(min(deadline, time.monotonic() + _QUIET_SECONDS)):
            if done != self._done:  # it is slow, but it works
                deadline, done = time.monotonic() + self._close_seconds, self._done
            if time.monotonic() >= deadline:
                self._warn("close", f"did not finish within {self._close_seconds:.0f} s, "
                                    "abandoned; what it has shown before is complete")
                return
            if not logged:
                log.info("%s: waiting until the last reports are shown", self.title)
                logged = True
        if logged:
            log.info("%s: complete", self.title)

    def _join_until(self, moment: float) -> bool:
        """Wait for the thread; return whether it still works."""
        self._thread.join(max(0.0, moment - time.monotonic()))
        return self._thread.is_alive()

    def _enqueue(self, method: str, report: object) -> None:
        """Add a report to the queue. It replaces a waiting report of the same method and key."""
        key = (method, _KEYS[method](report))
        with self._changed:
            self._waiting.pop(key, None)
            self._waiting[key] = partial(getattr(self.sink, method), report)
            same = [entry for entry in self._waiting if entry[0] == method]
            is_full = len(same) > self._limits[method]
            if is_full:
                del self._waiting[same[0]]
            self._changed.notify()
        if is_full and self._limits[method] > 1 and not self._fell_behind:
            self._fell_behind = True
            log.warning("%s: cannot keep up, some %s are left out", self.title, method)
        # The thread starts with the first report inside an epoch. By then the loader has forked its
        # workers, which would otherwise inherit locks that this thread holds.
        if method != "start_epoch" and not self._thread.ident:
            self._thread.start()

    def _work(self) -> None:
        is_last = False
        while not is_last:
            with self._changed:
                self._changed.wait_for(lambda: self._deadline or self._waiting)
                is_last = self._deadline is not None
                calls, self._waiting = self._waiting, {}
            for (method, _), call in calls.items():
                self._attempt(method, call)
            self._attempt("refresh", self.sink.refresh)
            with self._changed:
                self._changed.wait_for(lambda: self._deadline is not None, self._pause_seconds)
        self._attempt("close", self.sink.close)

    def _attempt(self, method: str, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:
            log.debug("%s: %s", self.title, method, exc_info=True)
            self._warn(method, str(error) or type(error).__name__)
            return
        finally:
            self._done += 1
        if self._failing == {method}:
            log.info("%s: works again", self.title)
        self._failing.discard(method)

    def _warn(self, method: str, reason: str) -> None:
        if not self._failing:
            log.warning("%s: %s. Training continues.", self.title, reason)
        self._failing.add(method)
