"""Flags shared by train.py and test.py, and the two-stage parse.

Stage 1 reads only ``--model`` and ``--dataset_mode``. Stage 2 lets the two chosen classes add
their own flags and defaults, then parses everything, strictly: a bad value, an unknown flag or a
contradiction ends the program with exit code 2 before a picture is opened.
"""

import logging
import sys
from argparse import (
    SUPPRESS,
    ArgumentDefaultsHelpFormatter,
    ArgumentError,
    ArgumentParser,
    Namespace,
)
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import data
import models
from data.transforms import PREPROCESS
from models.networks import DISCRIMINATORS, GENERATORS, INITS, NORMS, side_multiple
from options.aliases import modernise
from options.run_file import banner, save_options
from util.flags import (
    gpu_list,
    int_or_unlimited,
    non_negative_int,
    one_of,
    positive_int,
    seed,
    weight,
)
from util.runtime import choose_device, count_cores

log = logging.getLogger(__name__)


class Parser(ArgumentParser):
    """Answers a mistake in two lines instead of four screens of usage."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n(--help lists every flag)\n")


class HelpFormatter(ArgumentDefaultsHelpFormatter):
    """Shows a default where there is one to show."""

    def _get_help_string(self, action: Any) -> str | None:
        if action.default in (None, "", SUPPRESS) or action.nargs == 0:
            return action.help  # type: ignore[no-any-return]
        return super()._get_help_string(action)


class BaseOptions:
    isTrain: bool
    default_model: str

    def parse(self, argv: Sequence[str] | None = None) -> Namespace:
        """Parse ``argv`` (default: the command line). May be called any number of times."""
        argv = modernise(sys.argv[1:] if argv is None else argv)
        try:
            self.parser = self._build_parser(argv)
            opt = self.parser.parse_args(argv)
            opt.isTrain = self.isTrain
            if opt.suffix:
                opt.name += "_" + _expand(opt.suffix, vars(opt))
            self.validate(opt)
            models.find_model(opt.model).check_options(opt)
            data.find_dataset(opt.dataset_mode).check_options(opt)
            opt.device = choose_device(opt.gpu_ids)
        except (ValueError, ArgumentError) as error:
            Parser().error(str(error))
        return opt

    def save(self, opt: Namespace) -> None:
        """Print the options and write them into the run's folder."""
        save_options(opt, self.parser)
        log.info("%s", banner(opt, self.parser))

    def _build_parser(self, argv: Sequence[str]) -> Parser:
        choice = self.read_choice(argv)
        usage = "%(prog)s --dataroot FOLDER --name NAME [flags]"
        parser = Parser(usage=usage, formatter_class=HelpFormatter)
        self.add_flags(parser)
        parser.set_defaults(dataset_mode="unaligned")
        shared = {action.dest for action in parser._actions}
        models.find_model(choice.model).modify_commandline_options(parser, self.isTrain)
        mode = choice.dataset_mode or parser.get_default("dataset_mode")
        data.find_dataset(mode).modify_commandline_options(parser, self.isTrain)
        # The chosen names win over defaults that the two classes set.
        parser.set_defaults(model=choice.model, dataset_mode=mode)
        self.plugin_flags = {action.dest for action in parser._actions} - shared
        self.adjust_defaults(parser, choice, argv)
        return parser

    def read_choice(self, argv: Sequence[str]) -> Namespace:
        """Stage 1: which model and which dataset mode (None: the model's own)."""
        parser = Parser(add_help=False)
        _add_choice(parser, self.default_model)
        return parser.parse_known_args(argv)[0]

    def given(self, argv: Sequence[str], parser: ArgumentParser) -> dict[str, Any]:
        """Only what ``argv`` itself says, without any default."""
        nothing = object()
        blank = Namespace(**{action.dest: nothing for action in parser._actions})
        required = [action for action in parser._actions if action.required]
        for action in required:
            action.required = False
        without_help = [word for word in argv if word not in ("-h", "--help")]
        words, _ = parser.parse_known_args(without_help, blank)
        for action in required:
            action.required = True
        return {key: value for key, value in vars(words).items() if value is not nothing}

    def adjust_defaults(
        self, parser: ArgumentParser, choice: Namespace, argv: Sequence[str]
    ) -> None:
        """Hook: test time takes its defaults from the trained run."""

    def validate(self, opt: Namespace) -> None:
        """Raise ValueError for flags that contradict each other."""
        multiple = side_multiple(opt.netG)
        if PREPROCESS[opt.preprocess].crops and opt.crop_size % multiple:
            raise ValueError(
                f"--netG {opt.netG} needs a --crop_size that is a multiple of {multiple}, got "
                f"{opt.crop_size}; change it, or use another --netG"
            )

    def add_flags(self, parser: ArgumentParser) -> None:
        _add_run(parser, self.default_model, phase="train" if self.isTrain else "test")
        _add_networks(parser)
        _add_images(parser)
        _add_displays(parser)


def _expand(suffix: str, values: dict[str, Any]) -> str:
    try:
        return suffix.format(**values)
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(
            f"--suffix {suffix}: {error} is no option; write names of options in braces, "
            "such as {model}_{netG}_size{load_size}"
        ) from error


def _add_choice(group: Any, default_model: str) -> None:
    names, modes = models.available(), data.available()
    group.add_argument("--model", type=one_of(names), choices=names, default=default_model,
                       help="what to learn; each model brings flags and defaults")
    group.add_argument("--dataset_mode", type=one_of(modes), choices=modes,
                       help="how pictures are found and paired; the model has a default")


def _add_run(parser: ArgumentParser, default_model: str, phase: str) -> None:
    add = parser.add_argument_group("run")
    add.add_argument("--dataroot", type=Path, required=True,
                     help="folder of pictures, with train, test or trainA, trainB, ... in it")
    add.add_argument("--phase", default=phase, help="which pictures of --dataroot: train, val, ...")
    add.add_argument("--name", default="experiment_name", help="folder of the run")
    add.add_argument("--checkpoints_dir", type=Path, default=Path("checkpoints"),
                     help="folder of all runs")
    _add_choice(add, default_model)
    add.add_argument("--suffix", default="",
                     help="is added to --name; {flag} stands for a flag's value, as in "
                          "{model}_{netG}_size{load_size}")
    add.add_argument("--gpu_ids", type=gpu_list,
                     help="GPU to use, such as 0; -1 for the CPU (default: a GPU if there is one)")
    add.add_argument("--seed", type=seed, default=0,
                     help="of every random draw: weights, order, crops, dropout, pools")
    add.add_argument("--epoch", default="latest", help="which checkpoint to load: latest, 20, ...")
    add.add_argument("--load_iter", type=non_negative_int, default=0,
                     help="load iter_<N> instead of --epoch; 0 = off")
    add.add_argument("--verbose", action="store_true",
                     help="print the layers of the networks, and tracebacks")


def _add_networks(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("networks", "test.py takes these from the run")
    add.add_argument("--input_nc", type=positive_int, default=3,
                     help="channels of the input: 3 colour, 1 gray")
    add.add_argument("--output_nc", type=positive_int, default=3, help="channels of the output")
    add.add_argument("--netG", type=one_of(GENERATORS), choices=tuple(GENERATORS),
                     default="resnet_9blocks", help="generator")
    add.add_argument("--netD", type=one_of(DISCRIMINATORS), choices=tuple(DISCRIMINATORS),
                     default="basic",
                     help="discriminator; basic is the 70 x 70 PatchGAN, patch_<N> is named by "
                          "the pixels it sees")
    add.add_argument("--n_layers_D", type=positive_int, default=3,
                     help="strided layers of --netD n_layers")
    add.add_argument("--ngf", type=positive_int, default=64, help="width of G's outer layers")
    add.add_argument("--ndf", type=positive_int, default=64, help="width of D's first layer")
    add.add_argument("--norm", choices=tuple(NORMS), default="instance", help="normalisation")
    add.add_argument("--init_type", choices=tuple(INITS), default="normal",
                     help="distribution of the first weights")
    add.add_argument("--init_gain", type=weight, default=0.02,
                     help="scale of normal, xavier and orthogonal weights")
    add.add_argument("--no_dropout", action="store_true",
                     help="no dropout in G; cycle_gan and template have none anyway")
    add.add_argument("--dropout", dest="no_dropout", action="store_false",
                     help="dropout in G, also where the model's default is none")


def _add_images(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("pictures")
    add.add_argument("--direction", type=one_of(("AtoB", "BtoA")), choices=("AtoB", "BtoA"),
                     default="AtoB", help="which side is translated into which")
    add.add_argument("--preprocess", choices=tuple(PREPROCESS), default="resize_and_crop",
                     help="scaling and cropping")
    add.add_argument("--load_size", type=positive_int, default=286, help="scale to this (pixels)")
    add.add_argument("--crop_size", type=positive_int, default=256,
                     help="then crop to this (pixels)")
    add.add_argument("--no_flip", action="store_true", help="no mirrored pictures")
    add.add_argument("--serial_batches", action="store_true",
                     help="pictures in the order of their names, not in random order")
    add.add_argument("--batch_size", type=positive_int, default=1, help="pictures a step")
    add.add_argument("--num_threads", type=non_negative_int, default=min(4, count_cores()),
                     help="processes that read pictures; 0 = the training process itself")
    add.add_argument("--max_dataset_size", type=int_or_unlimited, default=None,
                     help="use at most so many pictures (default: all)")


def _add_displays(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("displays")
    add.add_argument("--display_winsize", type=positive_int, default=256,
                     help="width of a picture on the pages (pixels)")
    add.add_argument("--use_wandb", action="store_true", help="log to Weights & Biases")
    add.add_argument("--wandb_project_name", default="CycleGAN-and-pix2pix",
                     help="project at Weights & Biases")
