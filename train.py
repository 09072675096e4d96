"""Train an image-to-image model.

    python train.py --dataroot datasets/demo --name demo --model pix2pix --direction BtoA

options -> dataset -> model -> visualizer. training/setup.py builds the parts that the loop uses,
training/reports.py shows losses and images.
"""

import logging
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from util import interrupts

if __name__ == "__main__":
    interrupts.quit_at_signals()  # before imports that take seconds

from data import create_dataset
from data.base_dataset import Batch
from data.files.reading import naming_skip_flag
from data.transforms import PREPROCESS
from options.train_options import TrainOptions
from options.validation_flags import validation_options
from training.launcher import launch
from training.reports import show_images, show_losses, show_status, validate
from training.setup import Training
from util.distributed import current_process, process_group, require_equal
from util.random_states import seed_everything
from util.run_folder.layout import lock_run
from util.run_folder.replaced import replaced_run
from util.runtime import describe_device, run_program, set_arithmetic
from util.text import pluralise

log = logging.getLogger(__name__)


def train(argv: Sequence[str] | None = None) -> None:
    options = TrainOptions()
    arguments = sys.argv[1:] if argv is None else argv
    opt = options.parse(arguments)
    if len(opt.gpu_ids or ()) > 1 and not current_process().launched:
        launch(Path(__file__).resolve(), arguments, processes=len(opt.gpu_ids))
        return
    with process_group(opt.device):
        log_machine(opt)
        seed_everything(opt.seed)
        set_arithmetic(opt.precision, equal_sizes=PREPROCESS[opt.preprocess].crops)
        dataset = create_dataset(opt)
        require_equal(len(dataset), "the number of images")
        folder = opt.checkpoints_dir / opt.name
        is_main = current_process().is_main
        with (lock_run(folder) if is_main else nullcontext(),
              replaced_run(folder, is_main=is_main) as replaced):
            training = Training(
                opt, dataset, validation_opt=validation_options(opt),
                save_options=partial(options.save, opt), replaced=replaced,
            )
            if not training.is_over:
                with naming_skip_flag(opt.on_bad_image):
                    run_to_end(training)


def log_machine(opt: Namespace) -> None:
    log.info("device: %s", describe_device(opt.device))
    if (process := current_process()).is_distributed:
        log.info("%d processes with batches of %d: %d images per step",
                 process.world_size, opt.batch_size, process.world_size * opt.batch_size)


def run_to_end(training: Training) -> None:
    try:
        with training, training.memory:
            loop(training)
    except KeyboardInterrupt as stop:
        raise interrupts.explained(stop, training.saver.describe_lost_work()) from None
    if training.interrupt.failed and training.saver.has_new_images:
        log.info("the run is saved, --continue_train resumes it from %s", training.clock.place)
    training.interrupt.raise_error()
    if training.interrupt.signal:
        log.info("%s and saved; the same command with --continue_train resumes the run",
                 "stopped" if training.clock.progress.images_left else "finished")
        sys.exit(training.interrupt.exit_code)
    if not training.clock.progress.images_left:
        log.info("finished: %s; the run is in %s", pluralise(training.clock.epoch, "epoch"),
                 training.saver.folder)
    training.log_early_stop()


def loop(training: Training) -> None:
    clock = training.clock
    for epoch in range(training.first_epoch, clock.n_epochs + 1):
        start_epoch(training, epoch)
        batches = training.batches.watch(clock.watch(training.dataset))
        for batch in training.memory.watch(batches):
            step(training, batch)
            if clock.status_due():
                show_status(training)
            if not clock.epoch_complete and save_or_stop(training):
                report_stop(training)
                return
        if not clock.epoch_complete and save_or_stop(training):  # a batch could not be read
            return
        end_epoch(training)
        # Save after the reports: a resumed run then starts with the next epoch.
        if save_or_stop(training):
            return


def start_epoch(training: Training, epoch: int) -> None:
    training.model.update_learning_rate(epoch)
    training.clock.start_epoch(epoch)
    training.dataset.set_epoch(epoch, start_image=training.clock.epoch_images)
    training.visualizer.start_epoch(training.clock.progress)


def step(training: Training, batch: Batch) -> None:
    opt, clock, model = training.opt, training.clock, training.model
    share = training.dataset.share(clock.epoch_images)
    model.replicas.weight = share.weight
    with training.guard:
        training.learn(batch)
    if model.parts.averages:
        model.parts.averages.update()
    if training.replaced.is_kept:
        training.replaced.delete()
    clock.advance(share.images)
    training.visualizer.advance(clock.progress)
    due = training.best is not None and clock.due_or_end(opt.val_freq)
    values = validate(training) if due else {}
    if values or clock.due(opt.print_freq):
        show_losses(training, values)
    if clock.due(opt.display_freq) or clock.due(opt.update_html_freq):
        show_images(training, keep=clock.due(opt.update_html_freq))


def end_epoch(training: Training) -> None:
    """Report losses and images, so that even a short epoch has both."""
    if training.clock.interval_images:
        show_losses(training)
    show_images(training, keep=True)
    training.visualizer.end_epoch(training.clock.progress)


def report_stop(training: Training) -> None:
    """Show the last step of an interrupted run. A resumed run cuts this row off from its logs."""
    if training.clock.interval_images:
        show_losses(training)
        show_images(training, keep=True)


def save_or_stop(training: Training) -> bool:
    """Save if a save is due. Return True, after a save, if the run has to stop or is over."""
    training.batches.read_ahead()
    stop = training.interrupt.requested() or (training.best is not None and training.best.over)
    training.saver.save_if_due(now=stop and training.saver.has_new_images)
    return stop


if __name__ == "__main__":
    run_program(train, interrupted="Interrupted before the first step; nothing was trained")
