"""Check whether steps wait for images."""

from display.reports import LossReport
from training.doctor.diagnoses import Finding

MOST_WAITING = 0.15  # share of the time
_MIN_SECONDS = 5.0  # a share is computed over at least this time: one slow file must not decide


class DataWaitCheck:
    """Adds up loss reports until they cover enough time, then checks the share of waiting.

    Args:
        images: number of images that were seen when the program started.
        filling: number of further images until a cache is full; they are not counted.
    """

    def __init__(self, images: int, *, filling: int) -> None:
        self._first_counted = images + filling
        self._images = images
        self._seconds = self._waited = 0.0
        self._starting = True

    def check(self, report: LossReport) -> Finding:
        images = report.progress.images - self._images
        self._images = report.progress.images
        # The first report includes the start of the workers.
        if self._starting or self._images <= self._first_counted:
            self._starting = False
            return Finding("waiting for pictures", None)
        self._seconds += images * report.seconds_per_image
        self._waited += images * report.seconds_per_image * report.data_share
        if self._seconds < _MIN_SECONDS:
            return Finding("waiting for pictures", None)
        share = self._waited / self._seconds
        self._seconds = self._waited = 0.0
        return Finding("waiting for pictures", share > MOST_WAITING,
                       f"it takes {share:.0%} of the time", {"waiting": share})
