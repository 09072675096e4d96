"""Weights & Biases: losses by their names, pictures as results/<label>, over images seen."""

import logging
import os
import uuid
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from display.reports import LossReport, PictureReport
from display.sinks.background import Background
from display.sinks.base_sink import Sink
from util.files import write_text

log = logging.getLogger(__name__)


def load() -> Any:
    """The wandb module, logged in; None, said in one line, if that cannot be had.

    May ask the person at the terminal for a key, which is why it is no work for the background.
    """
    try:
        import wandb
        from wandb import Error  # a folder of that name can be imported, but has nothing in it
    except ImportError:
        log.warning(
            "No wandb display: the package is not installed. To have one: pip install wandb. "
            "Going on without it."
        )
        return None
    try:
        if os.environ.get("WANDB_MODE", "online") == "online":
            wandb.login()
    except Error as error:
        log.warning(
            "No wandb display: %s. To record without an account: WANDB_MODE=offline. "
            "Going on without it.", str(error).rstrip(".")
        )
        return None
    return wandb


class WandbRun(Sink):
    """A run that begins with the first report, or one that the program has begun already.

    ``id_file`` keeps the run's id: where it exists, that run goes on. None: always a new run.
    """

    title = "wandb display"
    in_tests = True

    @staticmethod
    def modify_commandline_options(parser: ArgumentParser, is_train: bool) -> None:
        group = parser.add_argument_group("Weights & Biases")
        group.add_argument("--use_wandb", action="store_true", help="log to Weights & Biases")
        group.add_argument("--wandb_project_name", default="CycleGAN-and-pix2pix",
                           help="project at Weights & Biases")

    @classmethod
    def open(cls, folder: Path, opt: Namespace) -> Sink | None:
        wandb = load() if opt.use_wandb else None
        if wandb is None:
            return None
        # The results of a test are in <results_dir>/<name>/<phase>_<epoch>.
        name = opt.name if opt.isTrain else str(folder.relative_to(opt.results_dir).parent)
        run = cls(
            wandb, folder, project=opt.wandb_project_name, name=name, options=vars(opt),
            id_file=folder / "wandb_id.txt" if opt.isTrain else None,
        )
        return Background(run) if opt.isTrain else run

    def __init__(
        self, wandb: Any, folder: Path, *, project: str, name: str, options: Mapping[str, object],
        id_file: Path | None = None,
    ) -> None:
        self._wandb = wandb
        self._folder = folder  # of wandb's own files
        self._settings = {"project": project, "name": name, "config": dict(options)}
        self._id_file = id_file

    def losses(self, report: LossReport) -> None:
        values = {**report.losses, **report.validation, "learning_rate": report.learning_rate}
        self._begin()
        self._wandb.log(values, step=report.progress.images)

    def pictures(self, report: PictureReport) -> None:
        self._begin()
        step = report.progress.images
        images = {
            f"results/{label}": self._wandb.Image(picture, caption=f"{label} - Step {step}")
            for label, picture in report.pictures.items()
        }
        self._wandb.log(images, step=step)

    def close(self) -> None:
        if self._wandb.run is not None:
            self._wandb.finish()

    def _begin(self) -> None:
        if self._wandb.run is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        same_run = {}
        if self._id_file is not None:
            if not self._id_file.exists():
                write_text(self._id_file, uuid.uuid4().hex)
            same_run = {"id": self._id_file.read_text(encoding="utf-8"), "resume": "allow"}
        self._wandb.init(**self._settings, **same_run, dir=str(self._folder))
