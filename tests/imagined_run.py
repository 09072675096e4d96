"""Reports of an imagined run, for the tests of the displays."""

import numpy as np

from display.reports import LossReport, PictureReport, Progress

EPOCH_SIZE = 400
LINE = "(epoch: 1, iters: 100, time: 0.088, data: 0.301) G_GAN: 1.234 G_L1: 20.100 "  # losses(100)


def progress(images: int, *, n_epochs: int = 3) -> Progress:
    epoch, seen = divmod(images - 1, EPOCH_SIZE)
    return Progress(epoch + 1, n_epochs, images, seen + 1, EPOCH_SIZE)


def losses(images: int = 100, /, **values: float) -> LossReport:
    return LossReport(
        progress(images), values or {"G_GAN": 1.234, "G_L1": 20.1}, 0.088, 0.301, 2e-4
    )


def pictures(images: int = 100, *, side: int = 8) -> PictureReport:
    shown = {
        "real_A": np.zeros((side, side, 3), np.uint8),
        "fake_B": np.ones((side, side, 3), np.uint8),
    }
    return PictureReport(progress(images), shown, keep=False)
