"""What the loop of train.py works with, and how its parts are built from the options."""

import logging
from argparse import Namespace
from dataclasses import dataclass

from data.loader import Loader
from display.sinks import open_sinks
from display.sinks.doctor_log_sink import DOCTOR_LOG, read_advice
from display.visualizer import Visualizer
from models.base_model import BaseModel
from training.clock import Clock
from training.doctor.doctor import Doctor
from training.interrupt import Interrupt
from training.memory.watch import MemoryWatch
from training.nan_guard import FiniteGuard
from training.saving import resume
from training.saving.run_saver import RunSaver
from training.step import TrainingStep
from training.validation.best import Best
from training.validation.validation import Validation
from util.distributed import current_process

log = logging.getLogger(__name__)

_LONGER = "--continue_train with a larger --early_stop, or 0 for none, goes on"


@dataclass(frozen=True)
class Training:
    opt: Namespace
    dataset: Loader
    model: BaseModel
    learn: TrainingStep
    clock: Clock
    guard: FiniteGuard
    memory: MemoryWatch
    visualizer: Visualizer
    doctor: Doctor | None
    saver: RunSaver
    interrupt: Interrupt
    validation: Validation | None  # in the main process alone
    best: Best | None  # None: no validation


def find_start(opt: Namespace, model: BaseModel, saver: RunSaver) -> int:
    """The number of the first epoch to train; a run that goes on gets its state back."""
    if opt.continue_train:
        return resume.go_on(saver, label=model.load_suffix, epoch_count=opt.epoch_count)
    return int(opt.epoch_count or 1)


def nothing_left(first_epoch: int, clock: Clock, best: Best | None) -> bool:
    """Whether the run has ended already, which is said."""
    if first_epoch > clock.n_epochs:
        log.info(
            "nothing left to train: the next epoch is %d, the run ends with epoch %d; a larger "
            "--n_epochs or --n_epochs_decay makes it longer", first_epoch, clock.n_epochs,
        )
        return True
    if best and best.over:
        log.info("nothing left to train: --early_stop %d has ended the run; %s", best.patience,
                 _LONGER)
        return True
    return False


def tell_if_stopped_early(clock: Clock, best: Best | None) -> None:
    if best and best.over and not (clock.epoch == clock.n_epochs and clock.epoch_complete):
        last = "validation was" if best.waited == 1 else f"{best.waited} validations were"
        log.info("stopped at %s and saved: the last %s no better than %s, saved as best; %s",
                 clock.place, last, best.describe(), _LONGER)


def create_saver(opt: Namespace, model: BaseModel, clock: Clock, best: Best | None) -> RunSaver:
    return RunSaver(
        model,
        clock,
        best=best,
        latest_freq=opt.save_latest_freq,
        epoch_freq=opt.save_epoch_freq,
        by_iter=opt.save_by_iter,
        keep_epochs=opt.keep_epochs,
    )


def create_guard(opt: Namespace, model: BaseModel, clock: Clock, saver: RunSaver) -> FiniteGuard:
    """Weights that are no numbers are never saved."""
    guard = FiniteGuard(model, clock, skip=opt.on_nan == "skip", limit=opt.nan_limit)
    saver.before_save = guard.look
    return guard


def create_doctor(
    opt: Namespace, model: BaseModel, clock: Clock, visualizer: Visualizer, dataset: Loader
) -> Doctor | None:
    """None: nobody looks. Of several processes the main one does."""
    if opt.no_doctor or not current_process().is_main:
        return None
    past = read_advice(opt.checkpoints_dir / opt.name / DOCTOR_LOG)
    return Doctor(
        model, clock, visualizer.advise, flags=vars(opt), loading_advice=dataset.loading_advice,
        filling=dataset.filling_images, past=past,
    )


def create_visualizer(opt: Namespace) -> Visualizer:
    """With the displays of the main process; the others have none."""
    if not current_process().is_main:
        return Visualizer([])
    return Visualizer(open_sinks(opt.checkpoints_dir / opt.name, opt))
