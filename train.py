"""Train an image-to-image model.

    python train.py --dataroot datasets/demo --name demo --model pix2pix --direction BtoA

options -> dataset -> model -> visualizer; everything else lives behind these four names. What is
built before the loop begins, and how, is in training/setup.py.
"""

import logging
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from data import create_dataset
from data.base_dataset import Batch
from data.loader import Loader
from data.record import record_formats, save_record
from data.transforms import PREPROCESS
from display.images import to_picture
from display.reports import FilmReport, LossReport, PictureReport
from models import create_model
from options.train_options import TrainOptions
from options.validation_flags import as_in_a_test, create_best
from training.clock import Clock
from training.interrupt import Interrupt
from training.launcher import launch
from training.memory.watch import MemoryWatch
from training.saving.initial_weights import initialise
from training.saving.run_saver import RunSaver
from training.setup import (
    Training,
    create_doctor,
    create_guard,
    create_saver,
    create_visualizer,
    find_start,
    nothing_left,
    tell_if_stopped_early,
)
from training.step import training_step
from training.validation.validation import create_validation, validated
from util.distributed import current_process, process_group, require_equal
from util.random_states import seed_everything
from util.run_folder.layout import delete_run, lock_run
from util.runtime import describe_device, run_program, set_arithmetic

log = logging.getLogger(__name__)


def train(argv: Sequence[str] | None = None) -> None:
    options = TrainOptions()
    opt = options.parse(argv)
    if len(opt.gpu_ids or ()) > 1 and not current_process().launched:
        words = sys.argv[1:] if argv is None else argv
        launch(Path(__file__).resolve(), words, processes=len(opt.gpu_ids))
        return
    with process_group(opt.device):
        log.info("device: %s", describe_device(opt.device))
        if (process := current_process()).is_distributed:
            log.info("%d processes, each with batches of %d: steps of %d pictures",
                     process.world_size, opt.batch_size, process.world_size * opt.batch_size)
        seed_everything(opt.seed)
        set_arithmetic(opt.precision, equal_sizes=PREPROCESS[opt.preprocess].crops)
        dataset = create_dataset(opt)
        require_equal(len(dataset), "the number of pictures")
        folder = opt.checkpoints_dir / opt.name
        with lock_run(folder) if current_process().is_main else nullcontext():
            run(options, opt, dataset)


def run(options: TrainOptions, opt: Namespace, dataset: Loader) -> None:
    model = create_model(opt)
    model.setup(opt)
    if opt.init_from:
        initialise(model.networks, opt.init_from, runs=opt.checkpoints_dir)
    if not current_process().is_main:
        seed_everything(opt.seed + current_process().rank)  # dropout of its own
    clock = Clock(n_epochs=opt.n_epochs + opt.n_epochs_decay, epoch_size=len(dataset))
    best = create_best(opt)
    saver = create_saver(opt, model, clock, best)
    first_epoch = find_start(opt, model, saver)
    if nothing_left(first_epoch, clock, best):
        return
    validation = create_validation(model, as_in_a_test(opt)) if best else None
    if current_process().is_main:
        begin_folder(options, opt, dataset, saver)
    saver.begin()
    guard = create_guard(opt, model, clock, saver)
    learn = training_step(model, cuda_graph=opt.cuda_graph)
    memory = MemoryWatch(opt, model)
    with create_visualizer(opt) as visualizer, saver, Interrupt() as interrupt:
        doctor = create_doctor(opt, model, clock, visualizer, dataset)
        training = Training(
            opt, dataset, model, learn, clock, guard, memory, visualizer, doctor, saver,
            interrupt, validation, best,
        )
        loop(training, first_epoch)
    if interrupt.signal:
        log.info("stopped and saved; the same command with --continue_train goes on")
        sys.exit(interrupt.exit_code)
    tell_if_stopped_early(clock, best)


def begin_folder(
    options: TrainOptions, opt: Namespace, dataset: Loader, saver: RunSaver
) -> None:
    saver.require_space()
    if opt.overwrite:
        delete_run(saver.folder)
    options.save(opt)
    if not opt.continue_train:
        save_record(record_formats(dataset.dataset.examples), saver.folder)


def loop(run: Training, first_epoch: int) -> None:
    for epoch in range(first_epoch, run.clock.n_epochs + 1):
        start_epoch(run, epoch)
        for batch in run.clock.watch(run.dataset):
            step(run, batch)
            if not run.clock.epoch_complete and save_and_ask(run):
                return
        end_epoch(run)
        # Saved only now, so that a run that goes on has nothing of this epoch left to do.
        if save_and_ask(run):
            return


def save_and_ask(run: Training) -> bool:
    """Save what is due; say whether to stop, which saves in any case."""
    stop = run.interrupt.asked() or (run.best is not None and run.best.over)
    run.saver.save_if_due(now=stop)
    return stop


def start_epoch(run: Training, epoch: int) -> None:
    run.model.update_learning_rate(epoch)
    run.clock.start_epoch(epoch)
    run.dataset.set_epoch(epoch, start_image=run.clock.epoch_images)
    run.visualizer.start_epoch(run.clock.progress)


def step(run: Training, batch: Batch) -> None:
    opt, clock = run.opt, run.clock
    share = run.dataset.share(clock.epoch_images)
    run.model.replicas.weight = share.own * current_process().world_size / share.images
    with run.guard, run.memory.step(batch):
        run.learn(batch)
    if run.model.averages:
        run.model.averages.update()
    clock.advance(share.images)
    run.visualizer.advance(clock.progress)
    values = validate(run) if run.best and validation_due(run) else {}
    if values or clock.due(opt.print_freq):
        show_losses(run, values)
    if clock.due(opt.display_freq) or clock.due(opt.update_html_freq):
        show_pictures(run, keep=clock.due(opt.update_html_freq))


def end_epoch(run: Training) -> None:
    """However short, an epoch leaves a line and its pictures."""
    if run.clock.unread:
        show_losses(run)
    show_pictures(run, keep=True)
    run.visualizer.end_epoch(run.clock.progress)


def validation_due(run: Training) -> bool:
    """Every --val_freq images and at the end of the run; or at the end of every epoch."""
    clock, every = run.clock, run.opt.val_freq
    last = clock.epoch == clock.n_epochs
    return (clock.epoch_complete and (last or not every)) or bool(every and clock.due(every))


def validate(run: Training) -> Mapping[str, float]:
    """Measure the model, let the values decide what they decide, and show its pictures."""
    assert run.best is not None
    with run.clock.paused():
        found = validated(run.validation)
    run.best.judge(found.values, run.clock.progress)
    if run.model.plateau:
        run.model.plateau.add_validation(found.values)
    run.visualizer.film(
        FilmReport(run.clock.progress, run.best.validations, found.strips)
    )
    return found.values


def show_losses(run: Training, validation: Mapping[str, float] | None = None) -> None:
    losses = run.model.get_current_losses()  # waits for the device, so that the pace is true
    pace = run.clock.pace()
    report = LossReport(
        progress=run.clock.progress,
        losses=losses,
        seconds_per_image=pace.seconds,
        data_seconds_per_image=pace.data_seconds,
        learning_rate=run.model.learning_rate,
        validation=validation or {},
    )
    run.visualizer.losses(report)
    if run.doctor:
        run.doctor.look_at_losses(report)


def show_pictures(run: Training, *, keep: bool) -> None:
    run.model.compute_visuals()
    visuals = run.model.get_current_visuals()
    pictures = {name: to_picture(image[0]) for name, image in visuals.items()}
    if run.doctor:
        run.doctor.look_at_pictures(visuals)
    run.visualizer.pictures(PictureReport(run.clock.progress, pictures, keep=keep))


if __name__ == "__main__":
    run_program(train)
