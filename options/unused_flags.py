"""Flags that have no effect beside the others: an error for ours, a warning for the reference's.

Old commands give flags of the reference that it ignores silently, so these only get a line. A value
that equals the default, or was read from the options of a run, is never reported.
"""

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Collection, Mapping
from typing import Any

import metrics
from data.transforms import PREPROCESS
from models.schedules import PLATEAU
from options.parser import Dependency
from training.validation.names import metric_of

log = logging.getLogger(__name__)

# Each optimizer of these models has weights of one role; other models may use --lr themselves.
_SEPARATE = ("colorization", "cut", "cycle_gan", "fastcut", "pix2pix")


def _in_training() -> list[Dependency]:
    usable = metrics.PLUGINS.find_usable()
    weights = {flag: [name for name, metric in usable.items() if flag in metric.requires]
               for metric in usable.values() for flag in metric.requires}
    ours = [
        Dependency(("lr_metric",), lambda o: o.lr_policy == PLATEAU, "--lr_policy plateau"),
        Dependency(("lambda_gp",), lambda o: o.gan_mode == "wgangp", "--gan_mode wgangp"),
        Dependency(("nan_limit",), lambda o: o.on_nan == "skip", "--on_nan skip"),
        Dependency(("val_metrics", "best_metric", "early_stop", "val_freq", "val_pictures",
                    *weights), lambda o: bool(o.val_phase), "--val_phase val"),
        *(Dependency((flag,), lambda o, flag=flag: flag in _weights_used(o),  # type: ignore[misc]
                     f"--val_metrics {' or '.join(names)}")
          for flag, names in weights.items()),
    ]
    old = [
        (("lr",), lambda o: None in (o.lr_G, o.lr_D) or o.model not in _SEPARATE,
         "an optimizer of generators and discriminators together"),
        (("lr_decay_iters",), lambda o: o.lr_policy == "step", "--lr_policy step"),
        (("init_gain",), lambda o: o.init_type != "kaiming",
         "--init_type normal, xavier or orthogonal"),
        (("load_size",), lambda o: "scale" in o.preprocess or "resize" in o.preprocess,
         "a --preprocess that scales"),
        (("crop_size",), lambda o: o.preprocess == "scale_width" or PREPROCESS[o.preprocess].crops,
         "a --preprocess that crops"),
        (("update_html_freq",), lambda o: not o.no_html, "the web page, without --no_html,"),
        (("display_winsize",), lambda o: not o.no_html or o.display_id > 0,
         "the web page, without --no_html,"),
        (("display_server", "display_port", "display_env", "display_ncols"),
         lambda o: o.display_id > 0, "visdom, with --display_id 1,"),
        (("wandb_project_name",), lambda o: o.use_wandb, "--use_wandb"),
    ]
    return ours + [Dependency(*row, is_old=True) for row in old]


_IN_TESTS = [Dependency(("results_dir", "display_winsize"), lambda o: not o.output_dir,
                        "a results page, without --output_dir,", is_old=True),
             Dependency(("num_threads",), lambda o: not o.inputs,
                        "a data set with targets, without --inputs,", is_old=True)]


def check(
    opt: Namespace, given: Mapping[str, Any], parser: ArgumentParser, *, is_train: bool
) -> None:
    """Raise ValueError for a flag of ours on the command line that nothing uses.

    ``given``: the values on the command line; ``parser``: has the defaults.
    """
    for dependency in _in_training() if is_train else _IN_TESTS:
        flags = dependency.unused(opt, given, parser)
        if flags and not dependency.is_old:
            raise ValueError(dependency.error(flags))
        if flags:
            log.warning("%s has no effect here; %s would use it", flags, dependency.user)


def _weights_used(opt: Namespace) -> Collection[str]:
    names = opt.val_metrics or []
    return {flag for name in names for flag in metrics.find_metric(metric_of(name)).requires}
