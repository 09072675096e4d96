"""Train an image-to-image model.

    python train.py --dataroot datasets/demo --name demo --model pix2pix --direction BtoA

options -> dataset -> model -> visualizer; everything else lives behind these four names.
"""

import logging
import sys
from argparse import Namespace
from collections.abc import Sequence

from data import create_dataset
from data.loader import Loader, batch_length
from models import create_model, network_files
from models.base_model import BaseModel
from models.finite import FiniteGuard
from models.run_saver import RunSaver
from options.train_options import TrainOptions
from util.clock import Clock
from util.images import to_picture
from util.interrupt import Interrupt
from util.run_folder import delete_run, sole_use
from util.runtime import describe_device, run_program, seed_everything
from util.sinks import LossReport, PictureReport
from util.visualizer import Visualizer, build_sinks

log = logging.getLogger(__name__)


def train(argv: Sequence[str] | None = None) -> None:
    options = TrainOptions()
    opt = options.parse(argv)
    log.info("device: %s", describe_device(opt.device))
    seed_everything(opt.seed)
    dataset = create_dataset(opt)
    with sole_use(opt.checkpoints_dir / opt.name):
        run(options, opt, dataset)


def run(options: TrainOptions, opt: Namespace, dataset: Loader) -> None:
    model = create_model(opt)
    model.setup(opt)
    if opt.init_from:
        network_files.initialise(model.networks, opt.init_from)
    clock = Clock(n_epochs=opt.n_epochs + opt.n_epochs_decay, epoch_size=len(dataset))
    saver = create_saver(opt, model, clock)
    first_epoch = find_start(opt, model, clock, saver)
    if opt.overwrite:
        delete_run(model.save_dir)
    options.save(opt)
    saver.require_space()
    if not opt.continue_train:
        saver.begin()
    with create_visualizer(opt) as visualizer, saver, Interrupt() as interrupt:
        loop(opt, dataset, model, clock, visualizer, saver, interrupt, first_epoch)
    if interrupt.signal:
        log.info("stopped and saved; the same command with --continue_train goes on")
        sys.exit(interrupt.exit_code)


def loop(
    opt: Namespace,
    dataset: Loader,
    model: BaseModel,
    clock: Clock,
    visualizer: Visualizer,
    saver: RunSaver,
    interrupt: Interrupt,
    first_epoch: int,
) -> None:
    guard = FiniteGuard(model, clock, skip=opt.on_nan == "skip", limit=opt.nan_limit)
    saver.before_save = guard.look  # weights that are no numbers are never saved
    for epoch in range(first_epoch, clock.n_epochs + 1):
        model.update_learning_rate(epoch)
        clock.start_epoch(epoch)
        dataset.set_epoch(epoch, start_image=clock.epoch_images)
        visualizer.start_epoch(clock.progress)
        for batch in clock.watch(dataset):
            model.set_input(batch)
            with guard:
                model.optimize_parameters()
            clock.advance(batch_length(batch))
            visualizer.advance(clock.progress)
            if clock.due(opt.print_freq):
                show_losses(model, clock, visualizer)
            if clock.due(opt.display_freq) or clock.due(opt.update_html_freq):
                show_pictures(model, clock, visualizer, keep=clock.due(opt.update_html_freq))
            if not clock.epoch_complete:
                saver.save_if_due(now=bool(interrupt.signal))
                if interrupt.signal:
                    return
        # However short, an epoch leaves a line and its pictures.
        if clock.unread:
            show_losses(model, clock, visualizer)
        show_pictures(model, clock, visualizer, keep=True)
        visualizer.end_epoch(clock.progress)
        # Saved only now, so that a run that goes on has nothing of this epoch left to do.
        saver.save_if_due(now=bool(interrupt.signal))
        if interrupt.signal:
            return


def show_losses(model: BaseModel, clock: Clock, visualizer: Visualizer) -> None:
    losses = model.get_current_losses()  # waits for the device, so that the pace is true
    pace = clock.pace()
    report = LossReport(
        progress=clock.progress,
        losses=losses,
        seconds_per_image=pace.seconds,
        data_seconds_per_image=pace.data_seconds,
        learning_rate=model.learning_rate,
    )
    visualizer.losses(report)


def show_pictures(model: BaseModel, clock: Clock, visualizer: Visualizer, *, keep: bool) -> None:
    model.compute_visuals()
    pictures = {name: to_picture(image[0]) for name, image in model.get_current_visuals().items()}
    visualizer.pictures(PictureReport(progress=clock.progress, pictures=pictures, keep=keep))


def find_start(opt: Namespace, model: BaseModel, clock: Clock, saver: RunSaver) -> int:
    """The number of the first epoch to train; a run that goes on gets its state back."""
    epoch = opt.epoch_count or 1
    if opt.continue_train:
        epoch = go_on(opt, model, clock, saver)
    if epoch > clock.n_epochs:
        raise ValueError(
            f"nothing to train: the next epoch is {epoch}, --n_epochs and --n_epochs_decay "
            f"end the run with epoch {clock.n_epochs}; make them larger to go on"
        )
    return int(epoch)


def go_on(opt: Namespace, model: BaseModel, clock: Clock, saver: RunSaver) -> int:
    if model.load_suffix != "latest" or not saver.path.is_file():
        epoch = opt.epoch_count or 1
        model.load_networks(model.load_suffix)
        log.info(
            "%s_net_*.pth are weights alone: the state of the optimizers and the epoch are "
            "unknown, both start anew (at epoch %d, see --epoch_count)", model.load_suffix, epoch,
        )
        return int(epoch)
    saver.restore()
    log.info("going on after epoch %d, %d images of it", clock.epoch, clock.epoch_images)
    if opt.epoch_count is not None:
        clock.epoch_images = 0
        return int(opt.epoch_count)
    return clock.epoch + clock.epoch_complete


def create_saver(opt: Namespace, model: BaseModel, clock: Clock) -> RunSaver:
    return RunSaver(
        model,
        clock,
        latest_freq=opt.save_latest_freq,
        epoch_freq=opt.save_epoch_freq,
        by_iter=opt.save_by_iter,
        keep_epochs=opt.keep_epochs,
    )


def create_visualizer(opt: Namespace) -> Visualizer:
    return Visualizer(
        build_sinks(
            opt.checkpoints_dir / opt.name,
            name=opt.name,
            html=not opt.no_html,
            display_id=opt.display_id,
            display_server=opt.display_server,
            display_port=opt.display_port,
            display_env=opt.display_env,
            display_ncols=opt.display_ncols,
            display_winsize=opt.display_winsize,
            use_tensorboard=opt.use_tensorboard,
            use_wandb=opt.use_wandb,
            wandb_project_name=opt.wandb_project_name,
            options=vars(opt),
        )
    )


if __name__ == "__main__":
    run_program(train)
