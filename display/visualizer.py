"""Pass the reports of a run to all of its displays."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from display.reports import Advice, FilmReport, LossReport, PictureReport, Progress
from display.sinks.base_sink import Sink


class Visualizer(AbstractContextManager["Visualizer"]):
    """Calls every sink with every report, in the order of ``sinks``."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.sinks = list(sinks)

    def __exit__(self, *error: object) -> None:
        self.close()

    def start_epoch(self, progress: Progress) -> None:
        for sink in self.sinks:
            sink.start_epoch(progress)

    def advance(self, progress: Progress) -> None:
        for sink in self.sinks:
            sink.advance(progress)

    def losses(self, report: LossReport) -> None:
        for sink in self.sinks:
            sink.losses(report)

    def pictures(self, report: PictureReport) -> None:
        for sink in self.sinks:
            sink.pictures(report)

    def film(self, report: FilmReport) -> None:
        for sink in self.sinks:
            sink.film(report)

    def advise(self, advice: Advice) -> None:
        for sink in self.sinks:
            sink.advise(advice)

    def end_epoch(self, progress: Progress) -> None:
        for sink in self.sinks:
            sink.end_epoch(progress)

    def close(self) -> None:
        # Displays in threads of their own finish at the same time.
        for sink in self.sinks:
            sink.finish()
        for sink in self.sinks:
            sink.close()
