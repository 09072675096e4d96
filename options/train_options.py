"""Flags of train.py."""

from argparse import ArgumentParser, Namespace

import models
from models.losses import GAN_MODES
from models.schedules import LR_POLICIES, PLATEAU
from options.base_options import BaseOptions
from options.run_file import OF_THE_NETWORK, contradiction, load_options, typed
from util.flags import (
    fraction,
    non_negative_int,
    positive_float,
    positive_int,
    weight,
)


class TrainOptions(BaseOptions):
    isTrain = True
    default_model = "cycle_gan"

    def add_flags(self, parser: ArgumentParser) -> None:
        super().add_flags(parser)
        _add_schedule(parser)
        _add_saving(parser)
        _add_live_displays(parser)

    def validate(self, opt: Namespace) -> None:
        super().validate(opt)
        if opt.continue_train:
            self._check_same_network(opt)
        elif opt.load_iter or opt.epoch != "latest":
            raise ValueError(
                "--epoch and --load_iter choose the weights to go on with; add --continue_train, "
                "or leave them out"
            )
        if opt.n_layers_D != self.parser.get_default("n_layers_D") and opt.netD != "n_layers":
            raise ValueError(
                f"--n_layers_D {opt.n_layers_D} with --netD {opt.netD}, which has a fixed number "
                "of layers; use --netD n_layers"
            )
        if opt.lr_policy == PLATEAU and not opt.lr_metric:
            raise ValueError(
                f"--lr_policy plateau watches a training loss, and --model {opt.model} names none; "
                "give --lr_metric with the name of one of its losses"
            )
        known = models.find_model(opt.model).LOSSES
        unknown = [name for name in (opt.lr_metric or "").split("+") if name not in known]
        if opt.lr_policy == PLATEAU and known and unknown:
            raise ValueError(
                f"--lr_metric {opt.lr_metric}: --model {opt.model} has no loss "
                f"{', '.join(unknown)}; it has {', '.join(known)}"
            )

    def _check_same_network(self, opt: Namespace) -> None:
        run_dir = opt.checkpoints_dir / opt.name
        keys = [key for key in ("model", *OF_THE_NETWORK) if hasattr(opt, key)]
        everything = load_options(run_dir)
        saved = {key: everything[key] for key in keys if key in everything}
        for key, wanted in typed(saved, self.parser, run_dir).items():
            if getattr(opt, key) != wanted:
                raise contradiction(key, getattr(opt, key), wanted, run_dir)


def _add_schedule(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("optimisation")
    add.add_argument("--n_epochs", type=positive_int, default=100,
                     help="epochs at the initial learning rate")
    add.add_argument("--n_epochs_decay", type=non_negative_int, default=100,
                     help="epochs in which the rate then goes to zero")
    add.add_argument("--lr", type=positive_float, default=2e-4, help="Adam's learning rate")
    add.add_argument("--beta1", type=fraction, default=0.5, help="Adam's first momentum")
    add.add_argument("--lr_policy", choices=LR_POLICIES, default="linear",
                     help="how the learning rate changes from epoch to epoch")
    add.add_argument("--lr_decay_iters", type=positive_int, default=50,
                     help="--lr_policy step: epochs between two drops")
    add.add_argument("--lr_metric",
                     help="--lr_policy plateau: the loss whose mean over an epoch is watched; "
                          "several are added, as in cycle_A+cycle_B")
    add.add_argument("--gan_mode", choices=tuple(GAN_MODES), default="lsgan", help="GAN objective")
    add.add_argument("--lambda_gp", type=weight, default=10.0,
                     help="--gan_mode wgangp: weight of the gradient penalty")
    add.add_argument("--pool_size", type=non_negative_int, default=50,
                     help="cycle_gan: earlier fakes kept for D; 0 = none")


def _add_saving(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("saving and going on", "all image counts are over the run")
    add.add_argument("--save_latest_freq", type=positive_int, default=5000,
                     help="images between two saves of latest")
    add.add_argument("--save_epoch_freq", type=positive_int, default=5,
                     help="epochs between two numbered saves")
    add.add_argument("--save_by_iter", action="store_true",
                     help="save as iter_<images> too, not only as latest")
    add.add_argument("--continue_train", action="store_true", help="go on with the run --name")
    add.add_argument("--epoch_count", type=positive_int,
                     help="number of the first epoch (default: 1, or where the run stopped)")


def _add_live_displays(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("live displays")
    add.add_argument("--print_freq", type=positive_int, default=100,
                     help="images between two lines of losses")
    add.add_argument("--display_freq", type=positive_int, default=400,
                     help="images between two looks at current pictures")
    add.add_argument("--update_html_freq", type=positive_int, default=1000,
                     help="images between two updates of the web page")
    add.add_argument("--no_html", action="store_true", help="no web page in the run's folder")
    add.add_argument("--display_id", type=int, default=1, help="visdom window; 0 = no visdom")
    add.add_argument("--display_server", default="http://localhost", help="visdom server")
    add.add_argument("--display_port", type=positive_int, default=8097, help="visdom port")
    add.add_argument("--display_env", default="main", help="visdom environment")
    add.add_argument("--display_ncols", type=int, default=4,
                     help="visdom: pictures a row; 0 = a window for each")
