"""The command line that all programs of this folder have in common."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from options.parser import Dependency, Parser
from util.flags import any_path, epoch, run_name, word

GENERATOR_FLAGS = (
    Dependency(("epoch",), lambda args: args.weights is None or not args.weights.is_file(),
               "the folder of a run"),
    Dependency(("weights_key",), lambda args: args.weights is not None, "--weights FILE"),
)


def new_parser(description: str | None, *, usage: str | None = None) -> argparse.ArgumentParser:
    """Return a strict parser with --verbose, which run_program reads."""
    parser = Parser(description=description, usage=usage,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verbose", action="store_true", help="show the traceback of an error")
    return parser


def refuse_unused(
    parser: argparse.ArgumentParser, args: argparse.Namespace, dependencies: Iterable[Dependency]
) -> None:
    """End the program with an error if a flag is not at its default, and nothing uses it."""
    for dependency in dependencies:
        if flags := dependency.unused(args, vars(args), parser):
            parser.error(dependency.error(flags))


def split_flags(argv: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Return the flags before and after ``--``; None: those of the command line."""
    words = [*(sys.argv[1:] if argv is None else argv), "--"]
    end = words.index("--")
    return words[:end], words[end + 1 : -1]


def add_generator_flags(group: argparse._ArgumentGroup) -> None:
    """Add the flags that choose a trained generator."""
    add = group.add_argument
    add("--name", type=run_name, metavar="RUN", help="name of the run")
    add("--weights", type=any_path, metavar="PATH",
        help="folder of a run or .pth file, without --name")
    add("--weights_key", type=word, default="", metavar="NAME",
        help="the generator in a --weights file that holds several, such as netG_A")
    add("--checkpoints_dir", type=any_path, default=Path("checkpoints"), metavar="DIR",
        help="folder of the runs (%(default)s)")
    add("--epoch", type=epoch, default="latest", help="latest, best, 20, iter_5000 (%(default)s)")
    add("--direction", choices=("AtoB", "BtoA"),
        help="direction of the translation (that of the training; serve.py: both, if possible)")
    add("--ema", action="store_true", help="the averaged generator of a run with --ema")
