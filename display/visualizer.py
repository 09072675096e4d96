"""Where results go: every display of the run, told the same things in the same order."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from display.curve_drawing import warm_up
from display.reports import Advice, FilmReport, LossReport, PictureReport, Progress
from display.sinks import Sink, tensorboard_files, visdom_server, wandb_run
from display.sinks.background import Background
from display.sinks.console import Console
from display.sinks.csv_log import CsvLog
from display.sinks.doctor_log import DOCTOR_LOG, DoctorLog
from display.sinks.loss_log import LossLog
from display.sinks.web import WebPage


class Visualizer:
    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.sinks = list(sinks)

    def __enter__(self) -> "Visualizer":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def start_epoch(self, progress: Progress) -> None:
        for sink in self.sinks:
            sink.start_epoch(progress)

    def advance(self, progress: Progress) -> None:
        for sink in self.sinks:
            sink.advance(progress)

    def losses(self, report: LossReport) -> None:
        for sink in self.sinks:
            sink.losses(report)

    def pictures(self, report: PictureReport) -> None:
        for sink in self.sinks:
            sink.pictures(report)

    def film(self, report: FilmReport) -> None:
        for sink in self.sinks:
            sink.film(report)

    def advise(self, advice: Advice) -> None:
        for sink in self.sinks:
            sink.advise(advice)

    def end_epoch(self, progress: Progress) -> None:
        for sink in self.sinks:
            sink.end_epoch(progress)

    def close(self) -> None:
        # All of them wind up at the same time.
        for sink in self.sinks:
            sink.finish()
        for sink in self.sinks:
            sink.close()


def build_result_sinks(
    folder: Path,
    *,
    name: str,
    use_tensorboard: bool,
    use_wandb: bool,
    wandb_project_name: str,
    options: Mapping[str, object],
    wandb_id_file: Path | None = None,
) -> list[Sink]:
    """The displays that a test has (a training too); the results page is written by itself."""
    sinks: list[Sink] = []
    if use_tensorboard and (writer_class := tensorboard_files.load()):
        sinks.append(tensorboard_files.TensorboardFiles(writer_class, folder / "tensorboard"))
    if use_wandb and (wandb := wandb_run.load()):
        run = wandb_run.WandbRun(
            wandb, folder, project=wandb_project_name, name=name, options=options,
            id_file=wandb_id_file,
        )
        sinks.append(run)
    return sinks


def build_sinks(
    run_dir: Path,
    *,
    name: str,
    html: bool,
    display_id: int,
    display_server: str,
    display_port: int,
    display_env: str,
    display_ncols: int,
    display_winsize: int,
    use_tensorboard: bool,
    use_wandb: bool,
    wandb_project_name: str,
    options: Mapping[str, object],
    validated: Sequence[str] = (),
) -> list[Sink]:
    """The displays that were asked for and can be had; those that draw do it in the background.

    ``validated``: names of the values that a validation will report.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    losses_csv = run_dir / "losses.csv"
    sinks: list[Sink] = [
        Console(), LossLog(run_dir / "loss_log.txt"), CsvLog(losses_csv, validated),
        DoctorLog(run_dir / DOCTOR_LOG),
    ]
    if html:
        # After the CSV file, from which it draws the curves.
        page = WebPage(run_dir, name=name, width_px=display_winsize, options=options)
        with suppress(ImportError):  # which the page itself will report
            warm_up()
        sinks.append(Background(page))
    if display_id > 0 and (
        client := visdom_server.connect(server=display_server, port=display_port, env=display_env)
    ):
        windows = visdom_server.VisdomServer(
            client, name=name, display_id=display_id, columns=display_ncols,
            width_px=display_winsize, losses_csv=losses_csv, options=options,
        )
        # Drawn more often, they would take the interpreter from the training.
        sinks.append(Background(windows, pictures=1, pause_seconds=2.0))
    records = build_result_sinks(
        run_dir, name=name, use_tensorboard=use_tensorboard, use_wandb=use_wandb,
        wandb_project_name=wandb_project_name, options=options,
        wandb_id_file=run_dir / "wandb_id.txt",
    )
    return sinks + [Background(sink) for sink in records]
