"""Weights & Biases: losses by their names, pictures as results/<label>, over images seen."""

import logging
from collections.abc import Mapping
from typing import Any

from util.sinks import LossReport, PictureReport, Sink

log = logging.getLogger(__name__)


def connect(*, project: str, name: str, options: Mapping[str, object]) -> Any:
    """The wandb module with a run begun (or one that was), or None, said in one line."""
    try:
        import wandb
    except ImportError:
        log.warning(
            "No wandb display: the package is not installed. To have one: pip install wandb. "
            "Going on without it."
        )
        return None
    try:
        if wandb.run is None:
            wandb.init(project=project, name=name, config=dict(options))
    except wandb.Error as error:
        log.warning(
            "No wandb display: %s. To record without an account: WANDB_MODE=offline. "
            "Going on without it.", error
        )
        return None
    return wandb


class WandbRun(Sink):
    def __init__(self, wandb: Any) -> None:
        self._wandb = wandb

    def losses(self, report: LossReport) -> None:
        self._wandb.log(dict(report.losses), step=report.progress.images)

    def pictures(self, report: PictureReport) -> None:
        step = report.progress.images
        images = {
            f"results/{label}": self._wandb.Image(picture, caption=f"{label} - Step {step}")
            for label, picture in report.pictures.items()
        }
        self._wandb.log(images, step=step)

    def close(self) -> None:
        self._wandb.finish()
