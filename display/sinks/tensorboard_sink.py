"""TensorBoard: event files with losses, learning rate and images, over the images seen."""

import logging
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from display.reports import LossReport, PictureReport, Progress
from display.sinks.background import Background
from display.sinks.base_sink import Sink

log = logging.getLogger(__name__)


@dataclass(eq=False)
class TensorboardFiles(Sink):
    """Writes one file per start of the run in ``folder``.

    Each start writes the number of its first image (``purge_step``), so that TensorBoard drops
    values which an earlier start wrote after its last checkpoint.
    """

    writer_class: Any
    folder: Path
    _first_step: int = 1
    _writer: Any = None

    title = "TensorBoard files"
    in_tests = True

    @staticmethod
    def modify_commandline_options(parser: ArgumentParser, is_train: bool) -> None:
        group = parser.add_argument_group("TensorBoard")
        group.add_argument("--use_tensorboard", action="store_true",
                           help="write event files: losses, learning rate, images")

    @classmethod
    def open(cls, folder: Path, opt: Namespace) -> Sink | None:
        if not opt.use_tensorboard:
            return None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            log.warning("No TensorBoard files: the package is not installed. To write them: "
                        "pip install tensorboard. Continuing without them.")
            return None
        sink = cls(SummaryWriter, folder / "tensorboard")
        return Background(sink) if opt.isTrain else sink

    def start_epoch(self, progress: Progress) -> None:
        if self._writer is None:
            self._first_step = progress.images + 1

    def losses(self, report: LossReport) -> None:
        values = {f"losses/{name}": value for name, value in report.losses.items()}
        values |= {f"validation/{name}": value for name, value in report.validation.items()}
        for name, value in (values | {"learning_rate": report.learning_rate}).items():
            self._open().add_scalar(name, value, report.progress.images)

    def pictures(self, report: PictureReport) -> None:
        for label, picture in report.pictures.items():
            name = f"pictures/{label}"
            self._open().add_image(name, picture, report.progress.images, dataformats="HWC")

    def refresh(self) -> None:
        if self._writer:
            self._writer.flush()

    def close(self) -> None:
        if self._writer:
            self._writer.close()

    def _open(self) -> Any:
        if self._writer is None:
            self._writer = self.writer_class(str(self.folder), purge_step=self._first_step)
        return self._writer
