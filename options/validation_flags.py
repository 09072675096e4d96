"""Flags of train.py for validation during training and for averaged generators."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace

import metrics
import models
from data.discovery.inputs import is_data_set
from data.record import Record
from models.comparison import have_pairs
from models.schedules import PLATEAU, watches_validation
from options.base_options import without_crop
from training.validation.names import metric_of, resolve, value_names
from util.flags import any_path, fraction, non_negative_int, positive_int, word
from util.run_folder.layout import list_folders
from util.text import similar

# Default metrics; they need no weights.
PAIR_METRICS = ["l1", "psnr", "ssim"]
SET_METRICS = ["lab_histogram"]


def metric_name(text: str) -> str:
    names = metrics.available()
    if metric_of(text) not in names:
        raise ArgumentTypeError(f"must be among {', '.join(names)}, got {text!r}"
                                + similar(text, names))
    return text


def add_flags(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("validation and averaging",
                                    "see docs/tips.md, which epoch is the best").add_argument
    add("--val_phase", type=word, default="", metavar="PHASE",
        help="validate the generator on this subfolder of --dataroot, such as val, which is not "
             "trained on")
    add("--val_freq", type=non_negative_int, default=0,
        help="images between two validations; 0 = at the end of every epoch")
    add("--val_pictures", type=positive_int, default=50,
        help="validate on at most this many images, the same each time")
    add("--val_metrics", type=metric_name, nargs="+", metavar="NAME",
        help="metrics to compute: names of metrics/ (default: l1 psnr ssim; lab_histogram if the "
             "model has nothing to compare in pairs); values are called val_l1, ..., or cycle_l1, "
             "... if there are no targets")
    for flag, text in metrics.requirements().items():
        add(f"--{flag}", type=any_path, metavar="FILE", help=f"--val_metrics: {text}")
    add("--best_metric", type=metric_name, metavar="NAME",
        help="which of --val_metrics decides what is saved as best_net_*.pth (default: the first)")
    add("--early_stop", type=non_negative_int, default=0,
        help="stop after this many consecutive validations without improvement; 0 = never")
    add("--ema", type=fraction, default=0.0, metavar="DECAY",
        help="keep a moving average of the generators with this decay, such as 0.999, for test.py "
             "--ema; 0 = none")


def choose_metrics(opt: Namespace) -> list[str]:
    """Return --val_metrics, or metrics that can measure the model."""
    comparisons = models.find_model(opt.model).comparisons(opt)
    if opt.val_metrics:
        chosen = list(dict.fromkeys(map(metric_of, opt.val_metrics)))
        for name in {*opt.val_metrics} - {*chosen}:
            resolve(name, value_names(chosen, comparisons), flag="--val_metrics")
        return chosen
    return PAIR_METRICS if have_pairs(comparisons) else SET_METRICS


def choose_values(opt: Namespace) -> list[str]:
    """Return the names of all validation values; [] without --val_phase.

    Raises:
        ValueError: a loss of the model has the same name.
    """
    if not opt.val_phase:
        return []
    model = models.find_model(opt.model)
    names = value_names(opt.val_metrics, model.comparisons(opt))
    if twice := {*names} & {*model.LOSSES}:
        raise ValueError(f"--val_metrics: {', '.join(sorted(twice))} is also the name of a loss of "
                         f"--model {opt.model}: give the loss another name")
    return names


def check(opt: Namespace) -> None:
    """Raise ValueError for values that cannot work together, and for missing files."""
    _check_validation(opt)
    if opt.lr_policy == PLATEAU:
        _check_plateau(opt)


def _check_validation(opt: Namespace) -> None:
    if not opt.val_phase:
        return
    _check_pairs(opt)
    if opt.best_metric and metric_of(opt.best_metric) not in opt.val_metrics:
        raise ValueError(f"--best_metric {opt.best_metric} is not measured, --val_metrics are "
                         f"{', '.join(opt.val_metrics)}; add it there, or choose one of these")
    if opt.best_metric:
        name = resolve(opt.best_metric, opt.val_values, flag="--best_metric")
        if opt.best_metric != metric_of(name):  # the name of a value, perhaps an earlier one
            opt.best_metric = name
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
    known = models.find_model(opt.model).LOSSES
    if watches_validation(opt.lr_metric, known):
        _check_watched_metrics(opt, names)
        return
    unknown = [name for name in names if name not in known]
    if known and unknown:
        raise ValueError(f"--lr_metric {opt.lr_metric}: --model {opt.model} has no loss "
                         f"{', '.join(unknown)}; it has {', '.join(known)}")


def _check_watched_metrics(opt: Namespace, names: list[str]) -> None:
    """Raise ValueError unless the names are those of validation values; correct older ones."""
    opt.lr_metric = "+".join(resolve(name, opt.val_values, flag="--lr_metric") for name in names)
    goals = {metrics.find_metric(metric_of(name)).higher_is_better for name in names}
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
