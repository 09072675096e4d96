"""Translate pictures with a trained model and draw the results page.

    python test.py --dataroot datasets/demo --name demo

What the run was trained with (model, networks, sizes) is read from its folder.
"""

import logging
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import torch

from data import create_dataset
from models import create_model
from models.base_model import BaseModel
from options.test_options import TestOptions
from util.html import Figure, Header, Row, write_page
from util.images import Picture, save_picture, to_picture
from util.result_names import ResultNames
from util.runtime import describe_device, run_program, seed_everything
from util.sinks import PictureReport, Progress
from util.visualizer import Visualizer, build_result_sinks

log = logging.getLogger(__name__)


def test(argv: Sequence[str] | None = None) -> Path:
    """Returns the path of the results page."""
    options = TestOptions()
    opt = options.parse(argv)
    log.info("device: %s", describe_device(opt.device))
    seed_everything(opt.seed)
    dataset = create_dataset(opt)
    model = create_model(opt)
    model.setup(opt)
    options.save(opt)
    if opt.eval:
        model.eval()

    iteration = f"_iter{opt.load_iter}" if opt.load_iter else ""
    folder = opt.results_dir / opt.name / f"{opt.phase}_{opt.epoch}{iteration}"
    names = ResultNames(opt.dataroot, opt.phase)
    count = min(len(dataset), opt.num_test or len(dataset))
    rows: list[Row] = []
    # Whatever stops the test, the page shows what was translated before.
    with ExitStack() as at_the_end, create_visualizer(opt, folder) as visualizer:
        at_the_end.callback(finish, opt, folder, rows)
        for batch in islice(dataset, -(-count // opt.batch_size)):
            # The same dropout for every picture: a result does not depend on those before it.
            torch.manual_seed(opt.seed)
            model.set_input(batch)
            model.test()
            for source, pictures in translated(model, limit=count - len(rows)):
                if len(rows) % 5 == 0:
                    log.info("processing (%04d)-th image... %s", len(rows), source)
                rows.append(save(pictures, folder, names.of(source), opt.aspect_ratio))
                visualizer.pictures(report(len(rows), count, pictures))
    log.info("%d pictures translated; results page: %s", len(rows), folder / "index.html")
    return Path(folder / "index.html")


def finish(opt: Namespace, folder: Path, rows: Sequence[Row]) -> None:
    """Write the page of what was translated; take away what an earlier test left."""
    remove_older(folder / "images", rows)
    title = f"Experiment = {opt.name}, Phase = {opt.phase}, Epoch = {opt.epoch}"
    legend = (
        f"{opt.model}, {opt.direction}. real: from the data set; fake: made by the network; rec: "
        "there and back. A goes in, B should come out (of a BtoA run, A is the right half of a "
        "pair)."
    )
    write_page(
        folder / "index.html", title, rows, width=opt.display_winsize,
        header=Header(status=legend),
    )


def translated(model: BaseModel, limit: int) -> Iterator[tuple[Path, dict[str, Picture]]]:
    """The pictures of the batch one by one, at most ``limit``: (input file, label -> picture)."""
    visuals = model.get_current_visuals()
    for index, source in enumerate(model.get_image_paths()[:limit]):
        yield Path(source), {label: to_picture(images[index]) for label, images in visuals.items()}


def save(pictures: Mapping[str, Picture], folder: Path, name: str, aspect_ratio: float) -> Row:
    """Write ``images/<name>_<label>.png``; return their row of the results page."""
    figures = []
    for label, picture in pictures.items():
        file = f"images/{name}_{label}.png"
        width, height = save_picture(picture, folder / file, aspect_ratio=aspect_ratio)
        figures.append(Figure(file, label, width, height))
    return Row(name, figures)


def report(number: int, count: int, pictures: Mapping[str, Picture]) -> PictureReport:
    progress = Progress(
        epoch=1, n_epochs=1, images=number, epoch_images=number, epoch_size=count
    )
    return PictureReport(progress=progress, pictures=pictures, keep=True)


def create_visualizer(opt: Namespace, folder: Path) -> Visualizer:
    sinks = build_result_sinks(
        folder,
        name=opt.name,
        use_tensorboard=opt.use_tensorboard,
        use_wandb=opt.use_wandb,
        wandb_project_name=opt.wandb_project_name,
        options=vars(opt),
    )
    return Visualizer(sinks)


def remove_older(folder: Path, rows: Sequence[Row]) -> None:
    """Take away pictures that an earlier test of this kind left and the page does not show."""
    shown = {folder.parent / figure.src for row in rows for figure in row.figures}
    labels = tuple(f"_{figure.label}.png" for row in rows[:1] for figure in row.figures)
    older = [p for p in folder.rglob("*.png") if p.name.endswith(labels) and p not in shown]
    for path in older:
        path.unlink()
    if older:
        log.info("removed %d pictures of an earlier test from %s", len(older), folder)


if __name__ == "__main__":
    run_program(test)
