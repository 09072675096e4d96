"""Flags shared by train.py and test.py, and the two-stage parse.

Stage 1 reads only ``--model`` and ``--dataset_mode``. Stage 2 lets the two chosen classes add
their own flags and defaults, then parses everything strictly: a bad value, an unknown flag or a
contradiction ends the program with exit code 2 before an image is opened.
"""

import logging
from argparse import ArgumentError, ArgumentParser, Namespace
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import data
import models
from data.transforms import PREPROCESS
from display import sinks
from models import networks
from models.networks import side_multiple
from options import run_file, sizes, unused_flags
from options.aliases import modernise
from options.foreign_flags import explain
from options.parser import Parser, given_flags, read_flags
from options.run_file import banner, contradiction, convert_saved, log_unknown, save_options
from options.script_options import for_script, script_arguments
from options.shared_flags import add_choice, add_images, add_networks, add_run
from util.flags.replacing import flags_replaceable
from util.run_folder.layout import list_folders
from util.run_folder.options import invalid_option, load_options
from util.runtime import choose_device
from util.text import similar

log = logging.getLogger(__name__)

_WITHOUT_CROP = {"crop": "none", "scale_width_and_crop": "scale_width"}


class BaseOptions:
    """Parses the command line and saves the options; see TrainOptions and TestOptions."""

    isTrain: bool = False
    default_model = "cycle_gan"
    other_models: tuple[str, ...] = ()  # models that may replace the one of the run

    def parse(self, argv: Sequence[str] | None = None) -> Namespace:
        """Parse ``argv``. May be called any number of times.

        Without ``argv``, as scripts for the original call it, parse the command line, log the
        options, and return some that may be changed: see ``ScriptOptions``.
        """
        if argv is None:
            return self._parse_for_script()
        argv = modernise(argv)
        try:
            self.parser = self._build_parser(argv)
            opt: Namespace = self.parser.parse_args(argv)
            opt.isTrain = self.isTrain
            if opt.suffix:
                opt.name += "_" + _expand(opt.suffix, vars(opt))
            self.validate(opt)
            unused_flags.check(opt, self.given, self.parser, is_train=self.isTrain)
            models.find_model(opt.model).check_options(opt)
            data.find_dataset(opt.dataset_mode).check_options(opt)
            opt.device = choose_device(opt.gpu_ids)
            self.choose_for_device(opt)
        except (ValueError, ArgumentError) as error:
            Parser().error(str(error))
        return opt

    def _parse_for_script(self) -> Namespace:
        try:
            opt = self.gather_options()
            self.print_options(opt)
            return for_script(self, opt)
        except ValueError as error:
            Parser().error(str(error))

    def gather_options(self) -> Namespace:
        return self.parse(script_arguments())

    def print_options(self, opt: Namespace) -> None:
        log.info("%s", banner(opt, self.parser, given=None if opt.verbose else self.given))

    def save(self, opt: Namespace) -> None:
        """Log the options and write them into the folder of the run."""
        self.print_options(opt)
        save_options(opt, self.parser)

    def _build_parser(self, argv: Sequence[str]) -> Parser:
        choice, here = self.read_choice(argv), models.available()
        if choice.model not in here and choice.model == self.saved.get("model"):
            reason = f"the models here are {', '.join(here)}{similar(choice.model, here)}"
            raise invalid_option(run_file.file_of(self.run_dir), "model", choice.model, reason)
        parser = _FullParser(usage="%(prog)s --dataroot FOLDER --name NAME [flags]")
        with flags_replaceable(parser, type(self).__name__):
            self.initialize(parser)
        parser.is_train, parser.words = self.isTrain, argv
        sinks.add_flags(parser, self.isTrain)
        parser.set_defaults(dataset_mode="unaligned")
        shared = {action.dest for action in parser._actions}
        models.find_model(choice.model).modify_commandline_options(parser, self.isTrain)
        mode = choice.dataset_mode or parser.get_default("dataset_mode")
        with flags_replaceable(parser, f"data/{mode}_dataset.py"):
            data.find_dataset(mode).modify_commandline_options(parser, self.isTrain)
        self._add_network_flags(parser, argv)
        # The chosen names override defaults that the two classes set.
        parser.set_defaults(model=choice.model, dataset_mode=mode)
        self.plugin_flags = {action.dest for action in parser._actions} - shared
        self.given = given_flags(argv, parser)
        self.adjust_defaults(parser, choice)
        return parser

    def _add_network_flags(self, parser: ArgumentParser, argv: Sequence[str]) -> None:
        """Let the chosen networks add their flags, if they are plug-ins."""
        flags = read_flags(argv, netG=str, netD=str)
        netG = flags.netG or self.saved.get("netG", parser.get_default("netG"))
        netD = flags.netD or self.saved.get("netD", parser.get_default("netD"))
        networks.add_network_flags(parser, "generator", netG, is_train=self.isTrain)
        networks.add_network_flags(parser, "discriminator", netD, is_train=self.isTrain)

    def read_choice(self, argv: Sequence[str]) -> Namespace:
        """Read the model and the dataset mode (None: the default of the model).

        If the options of a run are read, the values of the run are the defaults.
        """
        parser = Parser(add_help=False)
        add_choice(parser.add_argument, default_model=None)
        choice, _ = parser.parse_known_args(argv)
        self.run_dir, self.saved = self.find_run(argv)
        trained = self.saved.get("model")
        known = (None, trained, *self.other_models)
        if trained in models.available() and choice.model not in known:
            raise contradiction("model", found=choice.model, wanted=trained, run_dir=self.run_dir)
        if choice.model in (None, trained):
            choice.model = trained
            choice.dataset_mode = choice.dataset_mode or self.saved.get("dataset_mode")
        choice.model = choice.model or self.default_model
        return choice

    def find_run(self, argv: Sequence[str]) -> tuple[Path, dict[str, Any]]:
        """Return the folder that ``argv`` names, and the options of the run in it, or {}."""
        flags = read_flags(argv, checkpoints_dir=Path, name=str, suffix=str)
        name = flags.name or "experiment_name"
        if flags.suffix:
            if "{" in flags.suffix:
                raise ValueError(f"--suffix {flags.suffix}: the options of a run are read from its "
                                 "folder, so name the folder itself, such as --name "
                                 f"{name}_pix2pix")
            name += f"_{flags.suffix}"
        run_dir = (flags.checkpoints_dir or Path("checkpoints")) / name
        return run_dir, load_options(run_dir)

    def read_saved(self, parser: ArgumentParser, keys: Collection[str]) -> dict[str, Any]:
        """Return those values of ``keys`` that the options of the run contain."""
        log_unknown(self.saved, keys, parser, run_dir=self.run_dir, is_train=self.isTrain)
        present = {key: self.saved[key] for key in sorted(self.saved.keys() & set(keys))}
        return convert_saved(present, parser, self.run_dir)

    def adjust_defaults(self, parser: ArgumentParser, choice: Namespace) -> None:
        """Take defaults from the run that is tested or resumed (a hook for subclasses)."""

    def require_run_folder(self, opt: Namespace) -> None:
        folder = (opt.checkpoints_dir / opt.name).resolve()
        if not folder.is_dir():
            raise ValueError(f"--name {opt.name}: the folder {folder} does not exist; runs in "
                             f"{folder.parent}: {list_folders(opt.checkpoints_dir)}; train one, or "
                             "give another --name or --checkpoints_dir")

    def validate(self, opt: Namespace) -> None:
        """Raise ValueError for flags that contradict each other."""
        if not opt.name or ".." in Path(opt.name).parts or Path(opt.name).is_absolute():
            raise ValueError(f"--name {opt.name!r} must be the name of a folder inside "
                             "--checkpoints_dir")
        checked = models.find_model(opt.model).CHECKS_SIDES and PREPROCESS[opt.preprocess].crops
        if checked and opt.crop_size % (multiple := side_multiple(opt.netG)):
            raise ValueError(f"--netG {opt.netG} needs a --crop_size that is a multiple of "
                             f"{multiple}, got {opt.crop_size}; change it, or use another --netG")
        sizes.check(opt)

    def choose_for_device(self, opt: Namespace) -> None:
        """Set the options whose best value depends on the device (a hook for subclasses)."""

    def initialize(self, parser: ArgumentParser) -> ArgumentParser:
        """Add all flags and return the parser; subclasses of users add their own to it."""
        self.add_flags(parser)
        return parser

    def add_flags(self, parser: ArgumentParser) -> None:
        add_run(parser, self.default_model, phase="train" if self.isTrain else "test")
        add_networks(parser)
        add_images(parser)


class _FullParser(Parser):
    """Names the model, dataset, network or program to which an unknown flag belongs."""

    is_train: bool

    def explain_unknown(self, flags: Iterable[str]) -> str:
        return explain(flags, self._option_string_actions, is_train=self.is_train)


def without_crop(preprocess: str, netG: str) -> str:
    """Return the --preprocess value that shows whole images, for a test or a validation.

    For a generator that does not take every size (a U-Net), images are scaled to --crop_size.
    """
    if preprocess not in _WITHOUT_CROP:
        return preprocess
    return _WITHOUT_CROP[preprocess] if side_multiple(netG) <= 4 else "resize_and_crop"


def _expand(suffix: str, values: dict[str, Any]) -> str:
    try:
        return suffix.format(**values)
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(
            f"--suffix {suffix}: {error} is not an option; write names of options in braces, "
            "such as {model}_{netG}_size{load_size}"
        ) from error
