"""Sizes that cannot work are refused before an image is read."""

from argparse import Namespace

from data.transforms import PREPROCESS
from models.networks.discriminators import require_side
from util.free_memory import free_memory
from util.text import format_bytes

_LARGE = 2**30  # bytes; less is not compared with the free memory


def check(opt: Namespace) -> None:
    """Raise ValueError if a scaled image exceeds the free memory, or D needs larger images."""
    size = opt.load_size if opt.preprocess == "resize_and_crop" else 0
    needed = 2 * 3 * size**2  # 8-bit RGB and one copy of it
    if needed > _LARGE and needed > (free := free_memory()):
        raise ValueError(f"--load_size {size}: an image of {size} x {size} pixels takes "
                         f"{format_bytes(needed)} of memory while it is scaled, and "
                         f"{format_bytes(free)} are free; give a smaller --load_size")
    if opt.isTrain and opt.netD == "n_layers" and PREPROCESS[opt.preprocess].crops:
        require_side(opt.n_layers_D, opt.crop_size, opt.crop_size)
