"""Flags of train.py."""

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.losses import GAN_MODES
from models.schedules import LR_POLICIES
from options import augmentation_flags, speed_flags, validation_flags
from options.base_options import BaseOptions
from options.run_file import NETWORK_OPTIONS, VALUE_OPTIONS, as_typed, contradiction
from options.speed_choice import CHOSEN, choose_speed
from util.flags import (
    AUTO,
    any_path,
    fraction,
    limits,
    non_negative_int,
    positive_int,
    rate,
    weight,
    word,
)
from util.run_folder.layout import holds_run

log = logging.getLogger(__name__)

FIXED_OPTIONS = (*NETWORK_OPTIONS, "netD", "ndf", "n_layers_D", *VALUE_OPTIONS)
# Options of one invocation; not restored when a run is resumed.
INVOCATION_OPTIONS = {
    "help", "dataroot", "name", "suffix", "checkpoints_dir", "continue_train", "overwrite",
    "epoch_count", "epoch", "load_iter", "init_from", "gpu_ids", "verbose",
}


class TrainOptions(BaseOptions):
    """Options of train.py. A resumed run keeps its options unless the command line changes them."""

    isTrain = True
    default_model = "cycle_gan"

    def add_flags(self, parser: ArgumentParser) -> None:
        super().add_flags(parser)
        augmentation_flags.add_flags(parser)
        _add_schedule(parser)
        speed_flags.add_flags(parser)
        _add_saving(parser)
        validation_flags.add_flags(parser)
        _add_reports(parser)

    def validate(self, opt: Namespace) -> None:
        super().validate(opt)
        if opt.continue_train and (opt.overwrite or opt.init_from):
            other = "--overwrite deletes it" if opt.overwrite else "--init_from starts a new run"
            raise ValueError(f"--continue_train resumes a run, {other}: leave one of them out")
        last_epoch = opt.n_epochs + opt.n_epochs_decay
        if opt.epoch_count is not None and opt.epoch_count > last_epoch:
            raise ValueError(f"--epoch_count {opt.epoch_count}: --n_epochs and --n_epochs_decay "
                             f"end the run with epoch {last_epoch}; make them larger, or the first "
                             "epoch smaller")
        if opt.continue_train:
            self.require_run_folder(opt)
        else:
            self._check_new_run(opt)
        augmentation_flags.check(opt)
        speed_flags.check(opt)
        if opt.n_layers_D != 3 and opt.netD != "n_layers":
            raise ValueError(f"--n_layers_D {opt.n_layers_D} with --netD {opt.netD}, which has a "
                             "fixed number of layers; use --netD n_layers")
        opt.val_metrics = validation_flags.choose_metrics(opt)
        opt.val_values = validation_flags.choose_values(opt)
        validation_flags.check(opt)

    def choose_for_device(self, opt: Namespace) -> None:
        self.chosen = [name for name in CHOSEN if getattr(opt, name) == AUTO]
        self.speed_choice = choose_speed(opt)

    def find_run(self, argv: Sequence[str]) -> tuple[Path, dict[str, Any]]:
        return super().find_run(argv) if "--continue_train" in argv else (Path(), {})

    def adjust_defaults(self, parser: ArgumentParser, choice: Namespace) -> None:
        """Restore the options of a resumed run; record those that the command line changes."""
        dests = {action.dest for action in parser._actions}
        saved = self.read_saved(parser, dests - INVOCATION_OPTIONS)
        if self.saved:
            saved.setdefault("resize", "pillow")  # runs older than this flag were scaled by Pillow
        if "exact" in self.given:
            for key in CHOSEN:
                saved.pop(key, None)
        self.changed = []
        for key, value in sorted(self.given.items()):
            if key not in saved or value == saved[key]:
                continue
            if key in FIXED_OPTIONS:
                raise contradiction(key, found=value, wanted=saved[key], run_dir=self.run_dir)
            self.changed.append(f"{key} {as_typed(saved[key])} -> {as_typed(value)}")
        # The devices are not restored, since another machine has others, but a change is logged.
        device, previous = self.given.get("gpu_ids"), self.saved.get("gpu_ids")
        if "gpu_ids" in self.saved and not isinstance(previous, str) and device != previous:
            self.changed.append(f"gpu_ids {as_typed(previous)} -> {as_typed(device)}")
        parser.set_defaults(**saved)

    def save(self, opt: Namespace) -> None:
        super().save(opt)
        if self.speed_choice:
            log.info("%s", self.speed_choice)
        if self.changed:
            log.info("changed since the run was started: %s", ", ".join(self.changed))

    def _check_new_run(self, opt: Namespace) -> None:
        if opt.load_iter or opt.epoch != "latest":
            raise ValueError("--epoch and --load_iter choose the weights to resume from; add "
                             "--continue_train, or leave them out")
        run_dir = opt.checkpoints_dir / opt.name
        if not opt.overwrite and holds_run(run_dir):
            raise ValueError(f"{run_dir} holds a run already; resume it with --continue_train, "
                             "keep it and give another --name, or delete it with --overwrite")


def _add_schedule(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("optimisation").add_argument
    add("--n_epochs", type=limits.epochs, default=100, help="epochs at the initial learning rate")
    add("--n_epochs_decay", type=limits.more_epochs, default=100,
        help="epochs in which the rate then falls to zero")
    add("--lr", type=rate, default=2e-4, help="initial learning rate")
    add("--lr_G", type=rate,
        help="initial learning rate of all optimizers except those of discriminators (default: "
             "--lr)")
    add("--lr_D", type=rate,
        help="initial learning rate of the discriminators' optimizers (default: --lr)")
    add("--beta1", type=fraction, default=0.5, help="Adam: decay rate of the mean gradient")
    add("--beta2", type=fraction, default=0.999,
        help="Adam: decay rate of the mean squared gradient")
    add("--lr_policy", choices=LR_POLICIES, default="linear",
        help="how the learning rate changes from epoch to epoch")
    add("--lr_decay_iters", type=limits.epochs, default=50,
        help="--lr_policy step: epochs between two drops")
    add("--lr_metric", type=word,
        help="--lr_policy plateau: the loss whose mean over an epoch is watched, or a validation "
             "metric such as val_l1; cycle_A+cycle_B watches a sum")
    add("--gan_mode", choices=tuple(GAN_MODES), default="lsgan", help="GAN objective")
    add("--lambda_gp", type=weight, default=10.0,
        help="--gan_mode wgangp: weight of the gradient penalty")
    add("--on_nan", choices=("stop", "skip"), default="stop",
        help="if a loss is not finite: stop, or skip the batch")
    add("--nan_limit", type=non_negative_int, default=10,
        help="--on_nan skip: stop after this many skipped batches")
    add("--pool_size", type=limits.pool, default=50,
        help="size of the pool of earlier fakes for D; 0 = no pool")


def _add_saving(parser: ArgumentParser) -> None:
    add = parser.add_argument_group(
        "saving and resuming", "images are counted over the whole run"
    ).add_argument
    add("--save_latest_freq", type=positive_int, default=5000,
        help="images between two saves of the checkpoint latest")
    add("--save_epoch_freq", type=limits.epochs, default=5,
        help="epochs between two numbered checkpoints")
    add("--keep_epochs", type=positive_int,
        help="keep only this many of the newest numbered checkpoints (default: all); iter_<images> "
             "of --save_by_iter are all kept")
    add("--save_by_iter", action="store_true",
        help="save also as iter_<images>, not only as latest")
    add("--continue_train", action="store_true", help="resume the run --name")
    add("--overwrite", action="store_true", help="delete the run --name and start from scratch")
    add("--init_from", type=any_path,
        help="start with the weights of a run (its name or folder, <folder>/15 for epoch 15) or of "
             "a .pth file; weights that do not fit are listed")
    add("--epoch_count", type=limits.epochs,
        help="number of the first epoch (default: 1, or where the run stopped)")


def _add_reports(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("reports").add_argument
    add("--print_freq", type=positive_int, default=100,
        help="images between two log lines of the losses")
    add("--display_freq", type=positive_int, default=400,
        help="images between two displays of current images")
    add("--update_html_freq", type=positive_int, default=1000,
        help="images between two updates of the web page")
    add("--no_doctor", action="store_true",
        help="switch off the training doctor (docs/tips.md, what the doctor reports)")
