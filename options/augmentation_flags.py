"""Flags of train.py that vary the images. test.py has none of them."""

from argparse import ArgumentParser, Namespace
from importlib import import_module

from data.transforms import PREPROCESS
from util.flags import colour_jitter, degrees, fraction, limits, zoom


def add_flags(parser: ArgumentParser) -> None:
    add = parser.add_argument_group(
        "augmentation",
        "in addition to random crop and mirror; equal for both images of a pair; off by default",
    ).add_argument
    add("--flip_vertical", action="store_true", help="flip half of the images upside down")
    add("--turn_90", action="store_true",
        help="rotate by 0, 90, 180 or 270 degrees; images that are not square by 0 or 180")
    add("--rotate", type=degrees, default=0.0, metavar="DEG",
        help="rotate by up to this many degrees in either direction")
    add("--zoom", type=zoom, default=(1.0, 1.0), metavar="LO,HI",
        help="scale by a factor between these, such as 0.9,1.1")
    add("--translate", type=fraction, default=0.0, metavar="X",
        help="shift by up to this fraction of width and height, such as 0.1")
    add("--colour_jitter", type=colour_jitter, default=(0.0,) * 4, metavar="B,C,S,H",
        help="for the model's input only: change brightness, contrast and saturation by up to "
             "these fractions, and hue by up to this fraction of the colour circle, such as "
             "0.2,0.2,0.2,0.05; the last ones may be omitted")
    add("--cutout", type=limits.offset, default=0, metavar="N",
        help="replace a square of N x N pixels at a random position, partly outside the image or "
             "not, by the middle of the value range; 0 = off")


def check(opt: Namespace) -> None:
    """Raise ValueError for values that cannot work together."""
    if any(opt.colour_jitter):
        _check_jitter(opt)
    if PREPROCESS[opt.preprocess].crops and opt.cutout >= opt.crop_size:
        raise ValueError(f"--cutout {opt.cutout} would hide whole images of --crop_size "
                         f"{opt.crop_size}; give a smaller value")


def _check_jitter(opt: Namespace) -> None:
    flag = f"--colour_jitter {','.join(f'{strength:g}' for strength in opt.colour_jitter)}"
    if any(opt.colour_jitter[2:]) and opt.input_nc != 3:
        first = ",".join(f"{strength:g}" for strength in opt.colour_jitter[:2])
        raise ValueError(f"{flag} changes saturation and hue, which need 3 channels, but "
                         f"--input_nc is {opt.input_nc}; give brightness and contrast alone: "
                         f"--colour_jitter {first}")
    if ("A" if opt.direction == "AtoB" else "B") in opt.nearest:
        raise ValueError(f"{flag} changes the colours of the input, but --nearest {opt.nearest} "
                         "declares them as labels; leave one of the two out")
    try:
        # Imported before the workers are forked: otherwise each of them would import it (seconds).
        import_module("torchvision.transforms.v2.functional")
    except ImportError as error:
        raise ValueError(f"{flag} needs torchvision ({error}): pip install torchvision, or leave "
                         "the flag out") from error
