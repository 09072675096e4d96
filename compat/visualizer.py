"""The displays of this project behind the calls of the original's ``Visualizer``."""

import atexit
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from compat.images import tensor2im
from compat.options import PathText, plain
from compat.results import save_images
from display.images import to_picture
from display.reports import LossReport, PictureReport, Progress
from display.sinks import open_sinks
from display.sinks.console_sink import Console
from display.sinks.loss_log_sink import LossLog
from display.sinks.notebook_sink import NotebookOutput
from display.visualizer import Visualizer
from util.distributed import current_process


class ScriptVisualizer:
    """Takes the calls of 2018 to 2024 and those of 2025; only the main process shows something.

    ``print_current_losses`` writes to the console and to loss_log.txt, ``plot_current_losses`` to
    all other displays, ``display_current_results`` shows images; the web page keeps those with
    ``save_result``. The displays are closed at the end of the program, or by ``close``.
    """

    def __init__(self, opt: Namespace) -> None:
        self.opt, own = opt, plain(opt)
        run_dir = own.checkpoints_dir / own.name
        run_dir.mkdir(parents=True, exist_ok=True)
        self.name, self.saved = own.name, False
        self.web_dir, self.img_dir = PathText(run_dir / "web"), PathText(run_dir / "web" / "images")
        self.log_name = PathText(run_dir / "loss_log.txt")
        sinks = open_sinks(run_dir, own) if current_process().is_main else []
        self._texts = Visualizer([sink for sink in sinks if isinstance(sink, Console | LossLog)])
        self._charts = Visualizer([sink for sink in sinks if sink not in self._texts.sinks])
        self._n_epochs = getattr(own, "n_epochs", 1) + getattr(own, "n_epochs_decay", 0)
        self._size = len(getattr(opt, "_dataset", None) or ())
        self._place = Progress(0, self._n_epochs, 0, 0, self._size)
        self._seconds, self._printed = (0.0, 0.0), False
        atexit.register(self._close_at_exit)

    save_images = staticmethod(save_images)  # until 2018

    def reset(self) -> None:
        """Begin an epoch, as the original's loop says."""
        self.saved = False

    def set_dataset_size(self, dataset_size: int) -> None:
        self._size = dataset_size

    def _calculate_global_step(self, epoch: int, epoch_iter: int) -> int:
        return (epoch - 1) * self._size + epoch_iter

    def _at(self, epoch: int, epoch_images: int) -> Progress:
        """Move to a place in the run, and tell the displays when an epoch begins or ends."""
        size = self._size or epoch_images
        epoch_images = min(epoch_images, size)  # the original's loops count a short batch as full
        images = (epoch - 1) * size + epoch_images
        place = Progress(epoch, self._n_epochs, images, epoch_images, size)
        if place.epoch != self._place.epoch:
            if self._place.epoch:
                self._charts.end_epoch(self._place)
            self._charts.start_epoch(place)
        self._charts.advance(place)
        self._place = place
        return place

    def _at_image(self, total: int, epoch: int = 0) -> Progress:
        size = max(1, self._size)
        epoch = epoch or max(self._place.epoch, (total - 1) // size + 1)
        return self._at(epoch, max(0, total - (epoch - 1) * size))

    def print_current_losses(
        self, epoch: int, iters: int, losses: Mapping[str, Any], t_comp: float, t_data: float
    ) -> None:
        self._seconds = float(t_comp), float(t_data)
        self._printed = True  # the place of the next plot
        self._texts.losses(self._report(self._at(epoch, int(iters)), losses))

    def plot_current_losses(self, *place: Any, losses: Mapping[str, Any] | None = None,
                            **named: Any) -> None:
        """Plot at (epoch, counter_ratio), or since 2025 at (total_iters)."""
        numbers = [*place, *named.values()]
        last = numbers.pop() if losses is None else losses
        if len(numbers) == 1:
            at = self._place if self._printed else self._at_image(int(numbers[0]))
        else:
            at = self._at(int(numbers[0]), round(float(numbers[1]) * self._size))
        self._printed = False
        self._charts.losses(self._report(at, last))

    def _report(self, place: Progress, losses: Mapping[str, Any]) -> LossReport:
        model = getattr(self.opt, "_model", None)
        rate = model.parts.learning_rate if model else float(getattr(self.opt, "lr", 0.0))
        return LossReport(place, {name: float(value) for name, value in losses.items()},
                          seconds_per_image=self._seconds[0],
                          data_seconds_per_image=self._seconds[1], learning_rate=rate)

    def display_current_results(
        self, visuals: Mapping[str, Any], epoch: int, total_iters: int | bool = 0,
        save_result: bool | None = None,
    ) -> None:
        """Show images; the third parameter is ``save_result`` in the form of 2018 to 2024."""
        if isinstance(total_iters, bool | np.bool_):
            total_iters, save_result = 0, bool(total_iters)
        if save_result or not self.saved:
            self.saved, save_result = True, True
        place = self._at_image(total_iters, epoch) if total_iters else self._place
        if place.epoch != epoch:
            place = self._at(epoch, 0)
        pictures = {label: to_picture(image.detach()[0]) if isinstance(image, torch.Tensor)
                    else tensor2im(image) for label, image in visuals.items()}
        self._charts.pictures(PictureReport(place, pictures, keep=bool(save_result),
                                            rows=[[*pictures]]))

    def _close_at_exit(self) -> None:
        kept = [sink for sink in self._charts.sinks if not isinstance(sink, NotebookOutput)]
        self._charts.sinks = kept  # the cell of a notebook is gone
        self.close()

    def close(self) -> None:
        """Show what is pending, and close the displays."""
        atexit.unregister(self._close_at_exit)
        if self._place.epoch:
            self._charts.end_epoch(self._place)
        self._charts.close()
        self._texts.close()
