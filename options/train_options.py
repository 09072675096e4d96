"""Flags of train.py."""

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.losses import GAN_MODES
from models.schedules import LR_POLICIES
from options.augmentation_flags import add_augmentation, check_augmentation
from options.base_options import BaseOptions
from options.run_file import OF_THE_NETWORK, OF_THE_VALUES, contradiction
from options.speed_flags import add_speed, check_speed
from options.validation_flags import (
    add_validation,
    check_plateau,
    check_validation,
    choose_metrics,
)
from util.flags import fraction, non_negative_int, positive_float, positive_int, weight
from util.run_folder.layout import holds_run

log = logging.getLogger(__name__)

OF_THE_DISCRIMINATOR = ("netD", "ndf", "n_layers_D")
# These belong to one start of the program, not to the run.
OF_A_START = {
    "help", "dataroot", "name", "suffix", "checkpoints_dir", "continue_train", "overwrite",
    "epoch_count", "epoch", "load_iter", "init_from", "gpu_ids", "verbose",
}


class TrainOptions(BaseOptions):
    isTrain = True
    default_model = "cycle_gan"

    def add_flags(self, parser: ArgumentParser) -> None:
        super().add_flags(parser)
        add_augmentation(parser)
        _add_schedule(parser)
        add_speed(parser)
        _add_saving(parser)
        add_validation(parser)
        _add_reports(parser)

    def validate(self, opt: Namespace) -> None:
        super().validate(opt)
        if opt.continue_train and opt.overwrite:
            raise ValueError(
                "--continue_train goes on with a run, --overwrite deletes it: leave one of them out"
            )
        if opt.continue_train and opt.init_from:
            raise ValueError(
                "--init_from starts a new run from other weights, --continue_train goes on with "
                "its own: leave one of them out"
            )
        last_epoch = opt.n_epochs + opt.n_epochs_decay
        if opt.epoch_count is not None and opt.epoch_count > last_epoch:
            raise ValueError(
                f"--epoch_count {opt.epoch_count}: --n_epochs and --n_epochs_decay end the run "
                f"with epoch {last_epoch}; make them larger, or the first epoch smaller"
            )
        if opt.continue_train:
            self.require_run_folder(opt)
        else:
            self._check_new_run(opt)
        check_augmentation(opt)
        check_speed(opt)
        _check_depth(opt)
        opt.val_metrics = choose_metrics(opt)
        check_validation(opt)
        check_plateau(opt)

    def find_run(self, argv: Sequence[str]) -> tuple[Path, dict[str, Any]]:
        return super().find_run(argv) if "--continue_train" in argv else (Path(), {})

    def adjust_defaults(
        self, parser: ArgumentParser, choice: Namespace, argv: Sequence[str]
    ) -> None:
        """A run that goes on keeps its options; what may change is changed and named."""
        given = self.given(argv, parser)
        saved = self.typed_saved(parser, {action.dest for action in parser._actions} - OF_A_START)
        if self.saved:
            saved.setdefault("resize", "pillow")  # runs of before this flag were scaled by Pillow
        changed = []
        for key, value in sorted(given.items()):
            if key not in saved or value == saved[key]:
                continue
            if key in (*OF_THE_NETWORK, *OF_THE_DISCRIMINATOR, *OF_THE_VALUES):
                raise contradiction(key, value, saved[key], self.run_dir)
            changed.append(f"{key} {_shown(saved[key])} -> {_shown(value)}")
        device, before = given.get("gpu_ids"), self.saved.get("gpu_ids")
        # Not kept: another machine has other devices.
        if "gpu_ids" in self.saved and not isinstance(before, str) and device != before:
            changed.append(f"gpu_ids {_shown(before)} -> {_shown(device)}")
        self.changed = changed
        parser.set_defaults(**saved)

    def save(self, opt: Namespace) -> None:
        super().save(opt)
        if self.changed:
            log.info("changed since the run was started: %s", ", ".join(self.changed))

    def _check_new_run(self, opt: Namespace) -> None:
        if opt.load_iter or opt.epoch != "latest":
            raise ValueError(
                "--epoch and --load_iter choose the weights to go on with; add --continue_train, "
                "or leave them out"
            )
        run_dir = opt.checkpoints_dir / opt.name
        if not opt.overwrite and holds_run(run_dir):
            raise ValueError(
                f"{run_dir} holds a run already; go on with it by --continue_train, keep it by "
                "another --name, or delete it by --overwrite"
            )


def _shown(value: Any) -> str:
    """As a user would write it."""
    if isinstance(value, list | tuple):  # --gpu_ids; none is the CPU
        return ",".join(map(str, value)) or "-1"
    return "not given" if value is None else str(value)


def _check_depth(opt: Namespace) -> None:
    if opt.n_layers_D != 3 and opt.netD != "n_layers":
        raise ValueError(
            f"--n_layers_D {opt.n_layers_D} with --netD {opt.netD}, which has a fixed number of "
            "layers; use --netD n_layers"
        )


def _add_schedule(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("optimisation")
    add.add_argument("--n_epochs", type=positive_int, default=100,
                     help="epochs at the initial learning rate")
    add.add_argument("--n_epochs_decay", type=non_negative_int, default=100,
                     help="epochs in which the rate then goes to zero")
    add.add_argument("--lr", type=positive_float, default=2e-4, help="initial learning rate")
    add.add_argument("--lr_G", type=positive_float,
                     help="initial learning rate of all optimizers but those of discriminators "
                          "(default: --lr)")
    add.add_argument("--lr_D", type=positive_float,
                     help="initial learning rate of the discriminators' optimizers (default: --lr)")
    add.add_argument("--beta1", type=fraction, default=0.5,
                     help="Adam: decay of the mean of the gradients")
    add.add_argument("--beta2", type=fraction, default=0.999,
                     help="Adam: decay of the mean of their squares")
    add.add_argument("--lr_policy", choices=LR_POLICIES, default="linear",
                     help="how the learning rate changes from epoch to epoch")
    add.add_argument("--lr_decay_iters", type=positive_int, default=50,
                     help="--lr_policy step: epochs between two drops")
    add.add_argument("--lr_metric",
                     help="--lr_policy plateau: the loss whose mean over an epoch is watched, or a "
                          "value of the validation, val_l1; several are added, as in "
                          "cycle_A+cycle_B")
    add.add_argument("--gan_mode", choices=tuple(GAN_MODES), default="lsgan", help="GAN objective")
    add.add_argument("--lambda_gp", type=weight, default=10.0,
                     help="--gan_mode wgangp: weight of the gradient penalty")
    add.add_argument("--on_nan", choices=("stop", "skip"), default="stop",
                     help="a loss that is no finite number: stop, or go on without the batch")
    add.add_argument("--nan_limit", type=non_negative_int, default=10,
                     help="--on_nan skip: batches left out before the run stops")
    add.add_argument("--pool_size", type=non_negative_int, default=50,
                     help="cycle_gan: earlier fakes kept for D; 0 = none")


def _add_saving(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("saving and going on", "all image counts are over the run")
    add.add_argument("--save_latest_freq", type=positive_int, default=5000,
                     help="images between two saves of latest")
    add.add_argument("--save_epoch_freq", type=positive_int, default=5,
                     help="epochs between two numbered saves")
    add.add_argument("--keep_epochs", type=positive_int,
                     help="keep only the newest so many numbered epochs (default: all); "
                          "iter_<images> of --save_by_iter all stay")
    add.add_argument("--save_by_iter", action="store_true",
                     help="save as iter_<images> too, not only as latest")
    add.add_argument("--continue_train", action="store_true", help="go on with the run --name")
    add.add_argument("--overwrite", action="store_true",
                     help="delete the run that --name holds and start anew")
    add.add_argument("--init_from", type=Path,
                     help="start with the weights of a run (its name or folder, <folder>/15 for "
                          "epoch 15) or of a .pth file, as far as they fit; what does not is named")
    add.add_argument("--epoch_count", type=positive_int,
                     help="number of the first epoch (default: 1, or where the run stopped)")


def _add_reports(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("reports")
    add.add_argument("--print_freq", type=positive_int, default=100,
                     help="images between two lines of losses")
    add.add_argument("--display_freq", type=positive_int, default=400,
                     help="images between two looks at current pictures")
    add.add_argument("--update_html_freq", type=positive_int, default=1000,
                     help="images between two updates of the web page")
    add.add_argument("--no_doctor", action="store_true",
                     help="do not look after the training; see docs/tips.md, what the doctor says")
