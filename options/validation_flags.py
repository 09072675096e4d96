"""Flags of train.py for validation during training and for averaged generators."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

import metrics
import models
from data.discovery.inputs import is_data_set
from data.record import Record
from display.reports import VALUE
from models.comparison import have_pairs
from models.schedules import PLATEAU, watches_validation
from options.base_options import without_crop
from training.validation.best import best_metric
from util.flags import fraction, non_negative_int, positive_int
from util.run_folder.layout import list_folders
from util.text import similar

# Default metrics; they need no weights.
PAIR_METRICS = ["l1", "psnr", "ssim"]
SET_METRICS = ["lab_histogram"]


def metric_name(text: str) -> str:
    names = metrics.available()
    if text not in names:
        raise ArgumentTypeError(f"must be among {', '.join(names)}, got {text!r}"
                                + similar(text, names))
    return text


def add_flags(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("validation and averaging",
                                    "see docs/tips.md, which epoch is the best").add_argument
    add("--val_phase", default="", metavar="PHASE",
        help="validate the generator on this subfolder of --dataroot, such as val, which is not "
             "trained on")
    add("--val_freq", type=non_negative_int, default=0,
        help="images between two validations; 0 = at the end of every epoch")
    add("--val_pictures", type=positive_int, default=50,
        help="validate on at most this many images, the same each time")
    add("--val_metrics", type=metric_name, nargs="+", metavar="NAME",
        help="metrics to compute: names of metrics/ (default: l1 psnr ssim; lab_histogram if the "
             "model has nothing to compare in pairs)")
    for flag, text in metrics.requirements().items():
        add(f"--{flag}", type=Path, metavar="FILE", help=f"--val_metrics: {text}")
    add("--best_metric", type=metric_name, metavar="NAME",
        help="which of --val_metrics decides what is saved as best_net_*.pth (default: the first)")
    add("--early_stop", type=non_negative_int, default=0,
        help="stop after this many consecutive validations without improvement; 0 = never")
    add("--ema", type=fraction, default=0.0, metavar="DECAY",
        help="keep a moving average of the generators with this decay, such as 0.999, for test.py "
             "--ema; 0 = none")


def choose_metrics(opt: Namespace) -> list[str]:
    """Return --val_metrics, or metrics that can measure the model."""
    if opt.val_metrics:
        return list(opt.val_metrics)
    comparisons = models.find_model(opt.model).comparisons(opt)
    return PAIR_METRICS if have_pairs(comparisons) else SET_METRICS


def check(opt: Namespace) -> None:
    """Raise ValueError for values that cannot work together, and for missing files."""
    _check_validation(opt)
    if opt.lr_policy == PLATEAU:
        _check_plateau(opt)


def _check_validation(opt: Namespace) -> None:
    if not opt.val_phase:
        for flag in ("early_stop", "best_metric", "val_freq"):
            if getattr(opt, flag):
                raise ValueError(f"--{flag} {getattr(opt, flag)} needs a validation: add "
                                 "--val_phase val, or leave it out")
        return
    _check_pairs(opt)
    measured = ", ".join(opt.val_metrics)
    if best_metric(opt.best_metric, opt.val_metrics) not in opt.val_metrics:
        raise ValueError(f"--best_metric {opt.best_metric} is not measured, --val_metrics are "
                         f"{measured}; add it there, or choose one of these")
    for name in opt.val_metrics:
        for flag in metrics.find_metric(name).requires:
            if not getattr(opt, flag, None):
                raise ValueError(f"--val_metrics {name} needs weights: give --{flag} FILE, or "
                                 f"leave {name} out")
            if not getattr(opt, flag).is_file():
                raise ValueError(f"--{flag} {getattr(opt, flag)} does not exist: give a .pth file")
    root, mode = opt.dataroot, opt.dataset_mode
    if opt.pairs is None and not is_data_set(
        root, opt.val_phase, dataset_mode=mode, record=Record()
    ):
        raise ValueError(f"--val_phase {opt.val_phase}: {root} has no such images for "
                         f"--dataset_mode {mode}; folders there: {list_folders(root)}; name one of "
                         "them, create that folder with images, or leave the flag out")


def _check_pairs(opt: Namespace) -> None:
    """Raise ValueError for metrics of pairs if the model's outputs have no target and no cycle."""
    comparisons = models.find_model(opt.model).comparisons(opt)
    unusable = [name for name in opt.val_metrics if metrics.find_metric(name).paired]
    if not comparisons:
        raise ValueError(f"--val_phase {opt.val_phase}: --model {opt.model} declares nothing to "
                         "compare; write a method `comparisons` as in models/template_model.py, or "
                         "leave the flag out")
    if unusable and not have_pairs(comparisons):
        usable = [name for name in metrics.available() if not metrics.find_metric(name).paired]
        raise ValueError(f"--val_metrics {' '.join(unusable)}: compares an output with its target, "
                         f"and --model {opt.model} with --dataset_mode {opt.dataset_mode} has no "
                         f"pairs; choose from {', '.join(usable)}")


def _check_plateau(opt: Namespace) -> None:
    """Raise ValueError if --lr_metric names a loss or metric that the run does not have."""
    if not opt.lr_metric:
        raise ValueError(f"--lr_policy plateau watches a training loss, and --model {opt.model} "
                         "declares none; give --lr_metric with the name of one of its losses")
    names = opt.lr_metric.split("+")
    if watches_validation(opt.lr_metric):
        _check_watched_metrics(opt, names)
        return
    known = models.find_model(opt.model).LOSSES
    unknown = [name for name in names if name not in known]
    if known and unknown:
        raise ValueError(f"--lr_metric {opt.lr_metric}: --model {opt.model} has no loss "
                         f"{', '.join(unknown)}; it has {', '.join(known)}")


def _check_watched_metrics(opt: Namespace, names: list[str]) -> None:
    known = [VALUE + name for name in opt.val_metrics] if opt.val_phase else []
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f"--lr_metric {opt.lr_metric}: no validation measures {', '.join(unknown)}; "
            + (f"this one has {', '.join(known)}" if known else "add --val_phase val")
        )
    goals = {metrics.find_metric(name.removeprefix(VALUE)).higher_is_better for name in names}
    if len(goals) > 1:
        raise ValueError(f"--lr_metric {opt.lr_metric} adds metrics of which some should rise and "
                         "others fall; watch one of them")


def validation_options(opt: Namespace) -> Namespace:
    """Return the options for data set and networks of the validation, equal to those of a test."""
    preprocess = without_crop(opt.preprocess, opt.netG)
    return Namespace(**vars(opt) | dict(
        isTrain=False, phase=opt.val_phase, max_dataset_size=opt.val_pictures, batch_size=1,
        num_threads=0, serial_batches=True, no_flip=True, resize="pillow", preprocess=preprocess,
        load_size=opt.load_size if preprocess == "scale_width" else opt.crop_size,
        cache="auto" if opt.cache in ("auto", "ram") else "none",
    ))
