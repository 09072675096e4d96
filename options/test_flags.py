"""Flags of test.py alone."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from util.flags import positive_float, positive_int, tile_side


def add_test(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("test")
    add.add_argument("--results_dir", type=Path, default=Path("results"),
                     help="folder of the results")
    add.add_argument("--num_test", type=positive_int,
                     help="translate only the first so many (default: all)")
    add.add_argument("--aspect_ratio", type=positive_float, default=1.0,
                     help="width of the saved pictures by their height, relative to before")
    add.add_argument("--inputs", action="store_true",
                     help="translate every picture of --dataroot in its own size; on by itself "
                          "where --dataroot is no data set with targets")
    add.add_argument("--output_dir", type=Path,
                     help="write the translated pictures there, and nothing else")
    add.add_argument("--skip_existing", action="store_true",
                     help="--output_dir: leave pictures alone that are there")
    add.add_argument("--weights", type=Path,
                     help="a run's folder or a generator's .pth file, in place of --name")
    add.add_argument("--cut_pairs", choices=("auto", "always", "never"), default="auto",
                     help="--inputs: of files that hold A | B, take the input half (auto: of "
                          "files shaped like the pairs of the training)")
    add.add_argument("--samples", type=positive_int, default=1,
                     help="--inputs: so many different outputs for each input, by dropout")
    add.add_argument("--tile", type=tile_side, default="auto", metavar="N",
                     help="--inputs: translate in tiles of N pixels; 0 = never (auto: pictures "
                          "that do not fit into memory)")
    add.add_argument("--ema", action="store_true",
                     help="with the averaged generators of a run that was trained with --ema")
    add.add_argument("--eval", action="store_true",
                     help="no dropout, running statistics; without it both are as in training, "
                          "as in the pix2pix paper (section 3.4)")


def check_test(opt: Namespace) -> None:
    """Refuse flags that only --inputs, or only --output_dir, can follow.

    Raises:
        ValueError: what was found, and the way out.
    """
    for flag, off in (("samples", 1), ("tile", "auto"), ("cut_pairs", "auto")):
        if getattr(opt, flag) != off and not opt.inputs:
            raise ValueError(
                f"--{flag} works on pictures of their own size, this data set is scaled as in the "
                "training; add --inputs or --output_dir"
            )
    if opt.skip_existing and not opt.output_dir:
        raise ValueError("--skip_existing looks into --output_dir: give that folder")
    if opt.aspect_ratio != 1 and opt.output_dir:
        raise ValueError("--output_dir keeps every picture's own size: leave --aspect_ratio out")
    for flag in ("use_tensorboard", "use_wandb"):
        if getattr(opt, flag) and opt.output_dir:
            raise ValueError(
                f"--{flag} shows what a results page shows, --output_dir writes none: leave one "
                "of them out"
            )
    if opt.samples > 1 and (opt.eval or opt.no_dropout):
        raise ValueError(
            "--samples differ by dropout, which this run has not, or --eval switches off: leave "
            "it out"
        )
