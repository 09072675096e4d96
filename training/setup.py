"""Build what the loop of train.py uses from the options."""

import logging
from argparse import Namespace
from collections.abc import Callable, Collection
from contextlib import ExitStack

from data.base_dataset import examples_of
from data.loader import Loader
from data.record import record_formats, save_record
from display.reports import VALUE
from display.sinks import open_sinks
from display.sinks.doctor_log_sink import DOCTOR_LOG, read_advice
from display.visualizer import Visualizer
from metrics import find_metric
from models import create_model
from models.base_model import BaseModel
from models.schedules import PLATEAU, Plateau, watches_validation
from training.batches import Batches
from training.clock import Clock
from training.doctor.doctor import Doctor
from training.interrupt import Interrupt
from training.memory.watch import MemoryWatch
from training.nan_guard import NanGuard
from training.saving.initial_weights import initialise
from training.saving.resume import resume_run
from training.saving.run_saver import RunSaver
from training.step import training_step
from training.validation.best import Best
from training.validation.names import metric_of, resolve
from training.validation.validation import create_validation
from util.distributed import current_process
from util.random_states import seed_everything
from util.run_folder.networks import save_network_entries
from util.run_folder.replaced import ReplacedRun
from util.text import pluralise

log = logging.getLogger(__name__)

_CONTINUE = "to continue, use --continue_train with a larger --early_stop, or 0 for no limit"


class Training:
    """A run that is ready to start at ``first_epoch``; a context in which its displays are open.

    Args:
        opt: the options of train.py.
        validation_opt: the options that test.py would have for the validation images.
        save_options: called when the run folder is prepared.
        replaced: the earlier run of the folder, for --overwrite.
    """

    def __init__(
        self, opt: Namespace, dataset: Loader, *, validation_opt: Namespace,
        save_options: Callable[[], None], replaced: ReplacedRun,
    ) -> None:
        self.opt, self.dataset, self.replaced = opt, dataset, replaced
        self.model = _create_model(opt)
        self.clock = Clock(n_epochs=opt.n_epochs + opt.n_epochs_decay, epoch_size=len(dataset))
        self.best = _create_best(opt)
        self.saver = RunSaver(model=self.model, clock=self.clock, best=self.best,
                              latest_freq=opt.save_latest_freq, epoch_freq=opt.save_epoch_freq,
                              by_iter=opt.save_by_iter, keep_epochs=opt.keep_epochs)
        self.first_epoch = opt.epoch_count or 1
        if opt.continue_train:
            self.first_epoch = resume_run(self.saver, label=self.model.load_suffix,
                                          epoch_count=opt.epoch_count)
        self.is_over = _is_over(self.first_epoch, self.clock, self.best)
        if self.is_over:
            return
        self.validation = create_validation(self.model, validation_opt) if self.best else None
        if current_process().is_main:
            self._prepare_folder(save_options)
            save_network_entries(self.saver.folder, self.model.parts.entries())
        self.saver.begin()
        skip = opt.on_nan == "skip"
        self.guard = NanGuard(self.model, self.clock, skip=skip, limit=opt.nan_limit)
        self.saver.before_save = self.guard.check_pending  # never save weights that are not finite
        self.learn = training_step(self.model, cuda_graph=opt.cuda_graph)
        self.memory = MemoryWatch(opt, self.model)
        self.interrupt = Interrupt()
        self.batches = Batches(dataset, self.interrupt)
        self._open = ExitStack()

    def __enter__(self) -> "Training":
        folder, is_main = self.saver.folder, current_process().is_main
        self._open.enter_context(self.interrupt)
        displays = open_sinks(folder, self.opt) if is_main else []
        self.visualizer = self._open.enter_context(Visualizer(displays))
        self._open.enter_context(self.saver)
        self.doctor = _create_doctor(self)
        return self

    def __exit__(self, *error: object) -> None:
        self.interrupt.saving = True
        self.dataset.close()
        self._open.__exit__(*error)  # type: ignore[arg-type]

    def _prepare_folder(self, save_options: Callable[[], None]) -> None:
        self.saver.require_space()
        if self.opt.overwrite:
            self.replaced.set_aside()
        save_options()
        if not self.opt.continue_train:
            save_record(record_formats(examples_of(self.dataset.dataset)), self.saver.folder)

    def log_early_stop(self) -> None:
        """Log that --early_stop ended the run before its last epoch, if it did."""
        clock, best = self.clock, self.best
        if best and best.over and not (clock.epoch == clock.n_epochs and clock.epoch_complete):
            log.info("stopped at %s and saved: no improvement in the last %s; the best is %s, "
                     "saved as best; %s", clock.place, pluralise(best.waited, "validation"),
                     best.describe(), _CONTINUE)


def _create_model(opt: Namespace) -> BaseModel:
    model = create_model(opt)
    if opt.lr_policy == PLATEAU:
        model.parts.plateau = Plateau(opt.lr_metric, model.parts.scheduled,
                                      higher_is_better=_rises(opt.lr_metric, model.LOSSES),
                                      losses=model.LOSSES)
    model.setup(opt)
    if opt.init_from:
        initialise(model.parts.networks, opt.init_from, runs=opt.checkpoints_dir,
                   first_generator=next(iter(model.parts.with_role("generator")), ""))
    if not current_process().is_main:
        seed_everything(opt.seed + current_process().rank)  # different dropout per process
    return model


def _rises(metric: str, losses: Collection[str]) -> bool:
    """Return whether a larger --lr_metric is better, which only validation values can be."""
    first = metric_of(metric.partition("+")[0])
    return watches_validation(metric, losses) and find_metric(first).higher_is_better


def _create_best(opt: Namespace) -> Best | None:
    """Return None without --val_phase."""
    if not opt.val_phase:
        return None
    name = resolve(opt.best_metric or opt.val_values[0], opt.val_values, flag="--best_metric")
    # latest_state.pth of existing runs holds this text: another one would discard their best.
    images = f"{opt.val_pictures} pictures of {opt.val_phase}"
    images += ", by the averages (--ema)" if opt.ema else ""
    better = find_metric(metric_of(name)).higher_is_better
    return Best(name.removeprefix(VALUE), higher_is_better=better, patience=opt.early_stop,
                images=images, names=opt.val_values)


def _is_over(first_epoch: int, clock: Clock, best: Best | None) -> bool:
    """Return True, and log it, if no epochs remain."""
    if first_epoch > clock.n_epochs:
        log.info("nothing left to train: the next epoch is %d, the run ends with epoch %d; a "
                 "larger --n_epochs or --n_epochs_decay makes it longer",
                 first_epoch, clock.n_epochs)
        return True
    if best and best.over:
        log.info("nothing left to train: --early_stop %d has ended the run; %s", best.patience,
                 _CONTINUE)
        return True
    return False


def _create_doctor(training: Training) -> Doctor | None:
    """Return the doctor of the main process; None with --no_doctor."""
    opt, dataset = training.opt, training.dataset
    if opt.no_doctor or not current_process().is_main:
        return None
    return Doctor(training.model, training.clock, training.visualizer.advise, flags=vars(opt),
                  loading_advice=dataset.loading_advice, filling=dataset.filling_images,
                  past=read_advice(training.saver.folder / DOCTOR_LOG))
