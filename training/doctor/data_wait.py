"""Whether steps wait for pictures."""

from display.reports import LossReport
from training.doctor.diagnoses import Finding

MOST_WAITING = 0.15  # of the time
_LEAST_SECONDS = 5.0  # that a share is taken over: of less, a single slow file would decide


class Waiting:
    """Adds reports up until they cover enough time.

    Args:
        images: seen when the program was started.
        filling: images after that, until a cache is full and the usual pace begins.
    """

    def __init__(self, images: int, *, filling: int) -> None:
        self._usual_from = images + filling
        self._images = images
        self._seconds = 0.0
        self._waited = 0.0
        self._starting = True

    def look(self, report: LossReport) -> Finding:
        images = report.progress.images - self._images
        self._images = report.progress.images
        # Workers start before the first report.
        if self._starting or self._images <= self._usual_from:
            self._starting = False
            return Finding("waiting for pictures", None)
        self._seconds += images * report.seconds_per_image
        self._waited += images * report.seconds_per_image * report.data_share
        if self._seconds < _LEAST_SECONDS:
            return Finding("waiting for pictures", None)
        share = self._waited / self._seconds
        self._seconds = self._waited = 0.0
        return Finding(
            "waiting for pictures", share > MOST_WAITING,
            f"{share:.0%} of the time goes into it", {"waiting": share},
        )
