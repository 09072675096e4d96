"""Pass the reports of a run to all of its displays."""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial

from display.sinks.base_sink import REPORTS, LogFile, Sink

log = logging.getLogger(__name__)


class Visualizer(Sink, AbstractContextManager["Visualizer"]):
    """Passes every report on to every sink, in the order of ``sinks``."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.sinks = list(sinks)
        for method in REPORTS:
            setattr(self, method, partial(self._pass_on, method))

    def _pass_on(self, method: str, *report: object) -> None:
        """Call every sink. One that fails is dropped, except a log file, which a resume needs."""
        for sink in list(self.sinks):
            try:
                getattr(sink, method)(*report)
            except Exception as error:
                if isinstance(sink, LogFile):
                    raise
                log.warning("%s: %s: %s. It is switched off; the program continues.", sink.title,
                            type(error).__name__, error)
                self.sinks.remove(sink)

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._pass_on("finish")  # displays in threads of their own finish at the same time
        self._pass_on("close")
