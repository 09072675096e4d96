"""Flags and comparisons of a model file in the style of the original implementation."""

import logging
import re
from argparse import ArgumentParser, Namespace

from compat.old_models.recognise import codes, names_in, naming_line, stored_in, users_classes
from data import find_dataset
from models.base_model import BaseModel
from models.comparison import Comparison
from util.flags import AUTO
from util.flags.replacing import flags_replaceable

log = logging.getLogger(__name__)

_OUTPUT = re.compile(r"(?i)(fake|out|pred|gen|translated|result)")


def add_flags(
    cls: type[BaseModel], parser: ArgumentParser, is_train: bool = True
) -> ArgumentParser:
    """Let the file add its flags; they replace flags of the same name.

    Raises:
        ValueError: a replaced flag has values of another kind than that of the program.
    """
    with flags_replaceable(parser, file_of(cls)), naming_line(cls):
        cls.modify_commandline_options(parser, is_train)
    if not is_train:
        parser.set_defaults(batch_size=1)  # such files may show only the first image of a batch
    _add_inherited(cls, parser, is_train)
    return parser


def _add_inherited(cls: type[BaseModel], parser: ArgumentParser, is_train: bool) -> None:
    """Add flags that the constructor of our own base class reads, if the file left them out."""
    dests = {action.dest for action in parser._actions}
    ours = {*cls.__mro__} - {*users_classes(cls)}
    for base in cls.__mro__:
        if base in ours and issubclass(base, BaseModel):
            flags = ArgumentParser(add_help=False)
            base.modify_commandline_options(flags, is_train)
            for action in flags._actions:
                if action.dest not in dests:
                    parser._add_action(action)
            return


def check_options(cls: type[BaseModel], opt: Namespace) -> None:
    """Refuse flags that cannot work with the file; log those that have no effect."""
    cls.check_options(opt)
    if not opt.isTrain:
        return
    file, used = file_of(cls), names_in(cls)
    if opt.precision == "fp16":
        raise ValueError(f"--precision fp16 needs losses that self.update scales, and {file} calls "
                         "loss.backward() itself; use --precision bf16")
    inherited = hasattr(cls, "discriminator_losses") or hasattr(cls, "discriminator_loss")
    for flag, value, default in (("lr_G", opt.lr_G, None), ("lr_D", opt.lr_D, None),
                                 ("beta2", opt.beta2, 0.999)):
        if value != default and not inherited and flag not in used:
            raise ValueError(f"--{flag} {value}: {file} makes its optimizers itself and does not "
                             f"read the flag; use opt.{flag} there, or leave the flag out")
    if opt.nan_value is not None and not used & {"missing_A", "missing_B"}:
        log.warning("--nan_value: the losses of %s include the missing pixels; self.l1(image, "
                    "target, self.missing_B) leaves them out", file)
    if opt.cuda_graph not in (False, AUTO):
        log.warning("--cuda_graph has no effect, since %s calls backward and step itself; "
                    "docs/moving.md shows how to modernise it", file)
    opt.cuda_graph = False


def comparisons(cls: type[BaseModel], opt: Namespace) -> tuple[Comparison, ...]:
    """Return which images are compared, by the names that the file gives to its images."""
    stored = stored_in(own for own in cls.__mro__ if own is not object)
    texts = [text for code in codes(users_classes(cls)) for constant in code.co_consts
             for text in (constant if isinstance(constant, tuple) else (constant,))]
    shown = [*dict.fromkeys(text for text in texts if isinstance(text, str) and text in stored)]
    paired = find_dataset(opt.dataset_mode).paired
    if {"real_A", "fake_B", "rec_A", "real_B", "fake_A", "rec_B"} <= {*shown} and not paired:
        return (Comparison.cycle("real_A", "fake_B", "rec_A", "real_B"),
                Comparison.cycle("real_B", "fake_A", "rec_B", "real_A", from_target_side=True))
    outputs = [name for name in shown if _OUTPUT.match(name)]
    others = [name for name in shown if name not in outputs]
    if {"real_A", "fake_B", "real_B"} <= {*shown} or not outputs or len(others) < 2:
        return cls.comparisons(opt)
    kind = Comparison.paired if paired else Comparison.unpaired
    return (kind(others[0], outputs[0], others[1]),)


def file_of(cls: type) -> str:
    return cls.__module__.replace(".", "/") + ".py"
