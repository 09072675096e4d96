"""A display of a training run: the base class of all sinks."""

from display.reports import Advice, FilmReport, LossReport, PictureReport, Progress


class Sink:
    """A display. Override what it shows; everything else is ignored."""

    title = "display"  # in messages

    def start_epoch(self, progress: Progress) -> None: ...

    def advance(self, progress: Progress) -> None:
        """Called after every training step: must cost microseconds."""

    def losses(self, report: LossReport) -> None: ...

    def pictures(self, report: PictureReport) -> None: ...

    def film(self, report: FilmReport) -> None: ...

    def advise(self, advice: Advice) -> None: ...

    def end_epoch(self, progress: Progress) -> None: ...

    def refresh(self) -> None:
        """Called in a background thread when all waiting reports have been handed on: show them."""

    def finish(self) -> None:
        """No report will follow. Every display hears it before the first is closed."""

    def close(self) -> None: ...
