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
from models import create_model
from models.base_model import BaseModel
from options.train_options import TrainOptions
from util import checkpoint
from util.clock import Clock
from util.images import to_picture
from util.interrupt import Interrupt
from util.run_folder import delete_run
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
    model = create_model(opt)
    model.setup(opt)
    clock = Clock(n_epochs=opt.n_epochs + opt.n_epochs_decay, epoch_size=len(dataset))
    first_epoch = find_start(opt, model, clock)
    if opt.overwrite:
        delete_run(model.save_dir)
    options.save(opt)
    with create_visualizer(opt) as visualizer, Interrupt() as interrupt:
        loop(opt, dataset, model, clock, visualizer, interrupt, first_epoch)
    if interrupt.signal:
        log.info("stopped and saved; the same command with --continue_train goes on")
        sys.exit(interrupt.exit_code)


def loop(
    opt: Namespace,
    dataset: Loader,
    model: BaseModel,
    clock: Clock,
    visualizer: Visualizer,
    interrupt: Interrupt,
    first_epoch: int,
) -> None:
    for epoch in range(first_epoch, clock.n_epochs + 1):
        model.update_learning_rate(epoch)
        clock.start_epoch(epoch)
        dataset.set_epoch(epoch, start_image=clock.epoch_images)
        visualizer.start_epoch(clock.progress)
        for batch in clock.watch(dataset):
            model.set_input(batch)
            model.optimize_parameters()
            clock.advance(batch_length(batch))
            visualizer.advance(clock.progress)
            if clock.due(opt.print_freq):
                show_losses(model, clock, visualizer)
            if clock.due(opt.display_freq) or clock.due(opt.update_html_freq):
                show_pictures(model, clock, visualizer, keep=clock.due(opt.update_html_freq))
            if not clock.epoch_complete:
                save(model, clock, labels_due(opt, clock, stopping=bool(interrupt.signal)))
                if interrupt.signal:
                    return
        # However short, an epoch leaves a line and its pictures.
        if clock.unread:
            show_losses(model, clock, visualizer)
        show_pictures(model, clock, visualizer, keep=True)
        visualizer.end_epoch(clock.progress)
        # Saved only now, so that a run that goes on has nothing of this epoch left to do.
        save(model, clock, labels_due(opt, clock, stopping=bool(interrupt.signal)))
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


def labels_due(opt: Namespace, clock: Clock, *, stopping: bool) -> list[int | str]:
    """Names to save under now: latest, and beside it 20 or iter_5000; none: not now."""
    labels: list[int | str] = []
    latest_due = clock.due(opt.save_latest_freq)
    if latest_due and opt.save_by_iter:
        labels.append(f"iter_{clock.images}")
    last_epoch = clock.epoch == clock.n_epochs
    if clock.epoch_complete and (clock.epoch % opt.save_epoch_freq == 0 or last_epoch):
        labels.append(clock.epoch)
    if labels or latest_due or stopping:
        labels.append("latest")
    return labels


def save(model: BaseModel, clock: Clock, labels: Sequence[int | str]) -> None:
    """Write the weights under every label, and with them all that a resume needs."""
    if not labels:
        return
    log.info("saving the model (epoch %d, images %d)", clock.epoch, clock.images)
    for label in labels:
        model.save_networks(label)
    state = {
        "model": model.state_dict(),
        "clock": clock.state_dict(),
        "random": checkpoint.random_state(),
    }
    checkpoint.save(model.save_dir / "latest_state.pth", state)


def find_start(opt: Namespace, model: BaseModel, clock: Clock) -> int:
    """The number of the first epoch to train; a run that goes on gets its state back."""
    epoch = go_on(opt, model, clock) if opt.continue_train else opt.epoch_count or 1
    if epoch > clock.n_epochs:
        raise ValueError(
            f"nothing to train: the next epoch is {epoch}, --n_epochs and --n_epochs_decay "
            f"end the run with epoch {clock.n_epochs}; make them larger to go on"
        )
    return int(epoch)


def go_on(opt: Namespace, model: BaseModel, clock: Clock) -> int:
    """Put back the state that ``save`` wrote; return the epoch to go on with."""
    path = model.save_dir / "latest_state.pth"
    if model.load_suffix != "latest" or not path.is_file():
        epoch = opt.epoch_count or 1
        log.info(
            "%s_net_*.pth are weights alone: the state of the optimizers and the epoch are "
            "unknown, both start anew (at epoch %d, see --epoch_count)", model.load_suffix, epoch,
        )
        return int(epoch)
    state = checkpoint.load(path)
    model.load_state_dict(state["model"])
    clock.load_state_dict(state["clock"])
    checkpoint.set_random_state(state["random"])
    log.info("going on after epoch %d, %d images of it", clock.epoch, clock.epoch_images)
    if opt.epoch_count is not None:
        clock.epoch_images = 0
        return int(opt.epoch_count)
    return clock.epoch + clock.epoch_complete


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
