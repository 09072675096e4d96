"""Flags of train.py that vary the pictures; a test shows them as they are."""

from argparse import ArgumentParser, Namespace
from importlib import import_module

from data.transforms import PREPROCESS
from util.flags import colour_jitter, degrees, fraction, non_negative_int, zoom


def add_augmentation(parser: ArgumentParser) -> None:
    add = parser.add_argument_group(
        "augmentation",
        "beside the random crop and mirror; the same for both pictures of a pair. Off by default",
    )
    add.add_argument("--flip_vertical", action="store_true",
                     help="half of the pictures upside down")
    add.add_argument("--turn_90", action="store_true",
                     help="turn by 0, 90, 180 or 270 degrees; what is not square by 0 or 180")
    add.add_argument("--rotate", type=degrees, default=0.0, metavar="DEG",
                     help="turn by up to so many degrees either way")
    add.add_argument("--zoom", type=zoom, default=(1.0, 1.0), metavar="LO,HI",
                     help="enlarge by a factor between these, such as 0.9,1.1")
    add.add_argument("--translate", type=fraction, default=0.0, metavar="X",
                     help="move by up to this part of width and height, such as 0.1")
    add.add_argument("--colour_jitter", type=colour_jitter, default=(0.0,) * 4, metavar="B,C,S,H",
                     help="of the model's input only: brightness, contrast and saturation change "
                          "by up to these parts, hue by up to this part of the colour circle; "
                          "such as 0.2,0.2,0.2,0.05; the last ones may be left out")
    add.add_argument("--cutout", type=non_negative_int, default=0, metavar="N",
                     help="hide a square of N x N pixels at a random place, which may hang over "
                          "the border, under the middle of the value range; 0 = off")


def check_augmentation(opt: Namespace) -> None:
    """Refuse what cannot work.

    Raises:
        ValueError: what was found, what was wanted, the way out.
    """
    if any(opt.colour_jitter):
        _check_jitter(opt)
    if PREPROCESS[opt.preprocess].crops and opt.cutout >= opt.crop_size:
        raise ValueError(
            f"--cutout {opt.cutout} would hide whole pictures of --crop_size {opt.crop_size}; "
            "give less"
        )


def _check_jitter(opt: Namespace) -> None:
    said = f"--colour_jitter {','.join(f'{strength:g}' for strength in opt.colour_jitter)}"
    if any(opt.colour_jitter[2:]) and opt.input_nc != 3:
        first = ",".join(f"{strength:g}" for strength in opt.colour_jitter[:2])
        raise ValueError(
            f"{said} changes saturation and hue, which need 3 channels, but --input_nc is "
            f"{opt.input_nc}; give brightness and contrast alone: --colour_jitter {first}"
        )
    if ("A" if opt.direction == "AtoB" else "B") in opt.nearest:
        raise ValueError(
            f"{said} changes the colours of the input, but --nearest {opt.nearest} says that they "
            "are labels; leave one of the two out"
        )
    try:
        # Here, before the workers are forked, so that not each of them imports it (seconds).
        import_module("torchvision.transforms.v2.functional")
    except ImportError as error:
        raise ValueError(
            f"{said} needs torchvision ({error}): pip install torchvision, or leave the flag out"
        ) from error
