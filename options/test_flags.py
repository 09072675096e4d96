"""Flags that only test.py has."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from util.flags import AUTO, any_path, limits, positive_int, ratio, tile_side, word
from util.runtime import PRECISIONS


def add_flags(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("test").add_argument
    add("--results_dir", type=any_path, default=Path("results"), help="folder of the results")
    add("--num_test", type=positive_int,
        metavar="N", help="translate only the first N images (default: all)")
    add("--aspect_ratio", type=ratio, default=1.0,
        help="stretch saved images: above 1 in width, below 1 in height")
    add("--inputs", action="store_true",
        help="translate every image of --dataroot in its own size; on by default if --dataroot is "
             "not a data set with targets")
    add("--output_dir", type=any_path, help="write the translated images there, and nothing else")
    add("--skip_existing", action="store_true",
        help="--output_dir: do not translate images whose output file exists")
    add("--weights", type=any_path,
        help="folder of a run or .pth file of a generator, instead of --name")
    add("--weights_key", type=word, default="", metavar="NAME",
        help="--weights: the generator in a checkpoint that holds several, such as netG_A")
    add("--cut_pairs", choices=("auto", "always", "never"), default="auto",
        help="--inputs: take the input half of files that hold A | B (auto: of files with the "
             "shape of the training's pairs)")
    add("--samples", type=limits.outputs, default=1,
        metavar="N", help="--inputs: N different outputs for each input, by dropout")
    add("--tile", type=tile_side, default="auto", metavar="N",
        help="--inputs: translate in tiles of N pixels; 0 = never (auto: images that do not fit "
             "into memory)")
    add("--ema", action="store_true",
        help="use the averaged generators of a run that was trained with --ema")
    add("--eval", action="store_true",
        help="no dropout, and running statistics in batch norm; without it both are as in "
             "training, as in the pix2pix paper (section 3.4)")
    add("--precision", choices=(AUTO, *PRECISIONS), default=AUTO,
        help="arithmetic of the networks; auto: on a GPU fp16 or bf16 if a check of the first "
             "batch, and of later ones, finds 8-bit images that differ from fp32 by at most one "
             "level, else torch's own (tf32 convolutions on a GPU)")
    add("--exact", action="store_true",
        help="choose nothing for speed on a GPU: torch's own arithmetic and memory layout, no CUDA "
             "graphs")


def check(opt: Namespace) -> None:
    """Raise ValueError for flags that need --inputs or --output_dir, or contradict them."""
    for flag, off in (("samples", 1), ("tile", "auto"), ("cut_pairs", "auto")):
        if getattr(opt, flag) != off and not opt.inputs:
            raise ValueError(f"--{flag} works on images of their own size, this data set is scaled "
                             "as in the training; add --inputs or --output_dir")
    if opt.weights_key and not opt.weights:
        raise ValueError("--weights_key names a network in the file of --weights: give that file")
    if opt.skip_existing and not opt.output_dir:
        raise ValueError("--skip_existing needs --output_dir: give that folder")
    if opt.aspect_ratio != 1 and opt.output_dir:
        raise ValueError("--output_dir keeps the size of every image: leave --aspect_ratio out")
    for flag in ("use_tensorboard", "use_wandb"):
        if getattr(opt, flag) and opt.output_dir:
            raise ValueError(f"--{flag} shows what a results page shows, but --output_dir writes "
                             "no page: leave one of them out")
    if opt.samples > 1 and (opt.eval or opt.no_dropout):
        raise ValueError("--samples differ only by dropout, which this run does not have or --eval "
                         "switches off: leave --samples out")
