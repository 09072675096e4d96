"""Weights & Biases: losses by name and images as results/<label>, over the images seen."""

import logging
import os
import uuid
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from display.reports import LossReport, PictureReport
from display.sinks.background import Background
from display.sinks.base_sink import Sink
from util.disk.text_files import read_text
from util.files import write_text
from util.flags import word

log = logging.getLogger(__name__)


def load_wandb() -> Any:
    """Return the wandb module after a login; log one line and return None if that fails.

    The login may ask the user at the terminal for a key, so it must not run in a thread.
    """
    try:
        import wandb
        from wandb import Error  # fails for a mere folder of that name, which can be imported
    except ImportError:
        problem = "the package is not installed. To log to it: pip install wandb"
    else:
        try:
            if os.environ.get("WANDB_MODE", "online") == "online":
                wandb.login()
            return wandb
        except Error as error:
            problem = f"{str(error).rstrip('.')}. To log without an account: WANDB_MODE=offline"
    log.warning("No wandb display: %s. Continuing without it.", problem)
    return None


@dataclass(eq=False)
class WandbRun(Sink):
    """A wandb run. It starts with the first report, unless the program has started one already.

    ``id_file`` keeps the id of the run, which is resumed if the file exists; None: a new run.
    """

    wandb: Any
    folder: Path  # for wandb's own files
    project: str
    name: str
    options: Mapping[str, object]
    id_file: Path | None = None

    title = "wandb display"
    in_tests = True

    @staticmethod
    def modify_commandline_options(parser: ArgumentParser, is_train: bool) -> None:
        add = parser.add_argument_group("Weights & Biases").add_argument
        add("--use_wandb", action="store_true", help="log to Weights & Biases")
        add("--wandb_project_name", type=word, default="CycleGAN-and-pix2pix",
            help="project at Weights & Biases")

    @classmethod
    def open(cls, folder: Path, opt: Namespace) -> Sink | None:
        if not opt.use_wandb or not (wandb := load_wandb()):
            return None
        # The results of a test are in <results_dir>/<name>/<phase>_<epoch>.
        name = opt.name if opt.isTrain else str(folder.relative_to(opt.results_dir).parent)
        run = cls(wandb, folder, project=opt.wandb_project_name, name=name, options=vars(opt),
                  id_file=folder / "wandb_id.txt" if opt.isTrain else None)
        return Background(run) if opt.isTrain else run

    def losses(self, report: LossReport) -> None:
        values = {**report.losses, **report.validation, "learning_rate": report.learning_rate}
        self._log(values, report.progress.images)

    def pictures(self, report: PictureReport) -> None:
        step = report.progress.images
        images = {f"results/{label}": self.wandb.Image(picture, caption=f"{label} - Step {step}")
                  for label, picture in report.pictures.items()}
        self._log(images, step)

    def close(self) -> None:
        if self.wandb.run is not None:
            self.wandb.finish()

    def _log(self, values: Mapping[str, object], step: int) -> None:
        if self.wandb.run is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            same_run = {}
            if self.id_file is not None:
                if not self.id_file.exists():
                    write_text(self.id_file, uuid.uuid4().hex)
                known = read_text(self.id_file, advice="delete it: a new wandb run is started")
                same_run = {"id": known, "resume": "allow"}
            self.wandb.init(project=self.project, name=self.name, config=dict(self.options),
                            dir=str(self.folder), **same_run)
        self.wandb.log(values, step=step)
