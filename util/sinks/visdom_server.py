"""visdom: the losses and the current pictures, live in a browser."""

import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from util.curves import Curves, read_curves
from util.images import captioned_grid
from util.sinks import LossReport, PictureReport, Progress, Sink

log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = (2, 10)  # to connect, to answer


def connect(*, server: str, port: int, env: str) -> Any:
    """A visdom client, or None (said in one line) where no server can be reached."""
    start = f"python -m visdom.server -bind_local -port {port}"
    try:
        import visdom
    except ImportError:
        log.warning(
            "No visdom display: the package is not installed. To have one: install "
            "requirements.txt, then start %s. --display_id 0 asks for none. Training goes on.",
            start,
        )
        return None
    # It would announce its session, and the missing back channel that nobody needs here; and it
    # announces them by the deprecated logger.warn.
    logging.getLogger("visdom").setLevel(logging.ERROR)
    client = type("ImpatientVisdom", (visdom.Visdom,), {"_handle_post": _post})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return client(
                server=server, port=port, env=env, raise_exceptions=True, use_incoming_socket=False
            )
    except OSError:
        log.warning(
            "No visdom display: no server answers at %s:%s. To start one: %s. "
            "--display_id 0 asks for none. Training goes on.", server, port, start
        )
        return None


class VisdomServer(Sink):
    """Window ``display_id`` shows the losses, the windows after it the pictures.

    ``columns`` pictures to a row; 0 or less gives every picture a window of its own. Pictures are
    ``width_px`` wide. The curve of an earlier start of the run is read back from ``losses_csv``.
    """

    def __init__(
        self, client: Any, *, name: str, display_id: int, columns: int, width_px: int,
        losses_csv: Path,
    ) -> None:
        self._client = client
        self._name = name
        self._display_id = display_id
        self._columns = columns
        self._width_px = width_px
        self._losses_csv = losses_csv
        self._curves: Curves | None = None

    def start_epoch(self, progress: Progress) -> None:
        if self._curves is None:
            self._curves = read_curves(
                self._losses_csv, epoch_size=progress.epoch_size, before=progress.epoch_position
            )

    def losses(self, report: LossReport) -> None:
        self._curves = self._curves or Curves()
        self._curves.add(report.progress.epoch_position, report.losses)
        # The whole thinned curve each time: appending costs the server time that grows with it.
        epochs, losses = self._curves.thinned()
        options = {
            "title": f"{self._name} loss over time",
            "legend": list(losses),
            "xlabel": "epoch",
            "ylabel": "loss",
        }
        values = np.stack(list(losses.values()), axis=1)
        self._send("line", values, X=epochs, win=str(self._display_id), opts=options)

    def pictures(self, report: PictureReport) -> None:
        if self._columns > 0:
            sheet = captioned_grid(report.pictures, columns=self._columns)
            columns = min(self._columns, len(report.pictures))
            self._send_picture(1, f"{self._name} images", sheet, columns * self._width_px)
            return
        for number, (label, picture) in enumerate(report.pictures.items(), start=1):
            self._send_picture(number, label, picture, self._width_px)

    def _send_picture(
        self, window: int, title: str, picture: npt.NDArray[np.uint8], width_px: int
    ) -> None:
        height, width, _ = picture.shape
        options = {"title": title, "width": width_px, "height": round(width_px * height / width)}
        window_id = str(self._display_id + window)
        self._send("image", picture.transpose(2, 0, 1), win=window_id, opts=options)

    def _send(self, kind: str, data: npt.NDArray[Any], **named: Any) -> None:
        if self._client is None:
            return
        try:
            getattr(self._client, kind)(data, **named)
        except OSError as error:
            log.warning("visdom display lost (%s). Training goes on without it.", error)
            self._client = None


def _post(client: Any, url: str, data: str | Mapping[str, Any] | None = None) -> str:
    """visdom's own version waits for ever on a hung server, and takes an error page for success."""
    reply = client.session.post(url, data=data or {}, timeout=_TIMEOUT_SECONDS)
    reply.raise_for_status()
    return str(reply.text)
