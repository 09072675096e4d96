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
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

import data
import models
from data.transforms import PREPROCESS
from display import sinks
from models import networks
from models.networks import side_multiple
from options.aliases import modernise
from options.run_file import banner, contradiction, save_options, typed
from options.shared_flags import add_choice, add_displays, add_images, add_networks, add_run
from util.run_folder.options import load_options
from util.runtime import choose_device

log = logging.getLogger(__name__)


class Parser(ArgumentParser):
    """Answers a mistake in two lines instead of four screens of usage."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, **kwargs)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Strict, and with a suggestion for a misspelt flag."""
        opt, unknown = self.parse_known_args(args, namespace)
        flags = [word.partition("=")[0] for word in unknown if word.startswith("--")]
        if unknown:
            close = [get_close_matches(flag, self._option_string_actions, 1) for flag in flags]
            hint = ", ".join(match for matches in close for match in matches)
            did_you_mean = f"; did you mean {hint}?" if hint else ""
            self.error(f"unrecognized arguments: {' '.join(unknown)}{did_you_mean}")
        return opt

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n(--help lists every flag)\n")


class HelpFormatter(ArgumentDefaultsHelpFormatter):
    """Shows a default where there is one to show; all those of several values mean none."""

    def _get_help_string(self, action: Any) -> str | None:
        nothing = isinstance(action.default, tuple) or action.default in (None, "", SUPPRESS)
        if nothing or action.nargs == 0:
            return action.help  # type: ignore[no-any-return]
        return super()._get_help_string(action)


class BaseOptions:
    isTrain: bool
    default_model: str
    other_models: tuple[str, ...] = ()  # that may take the place of a run's own model

    def parse(self, argv: Sequence[str] | None = None) -> Namespace:
        """Parse ``argv`` (default: the command line). May be called any number of times."""
        argv = modernise(sys.argv[1:] if argv is None else argv)
        try:
            self.parser = self._build_parser(argv)
            opt: Namespace = self.parser.parse_args(argv)
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
        log.info("%s", banner(opt, self.parser))
        save_options(opt, self.parser)

    def _build_parser(self, argv: Sequence[str]) -> Parser:
        choice = self.read_choice(argv)
        usage = "%(prog)s --dataroot FOLDER --name NAME [flags]"
        parser = Parser(usage=usage, formatter_class=HelpFormatter)
        self.add_flags(parser)
        sinks.add_flags(parser, self.isTrain)
        parser.set_defaults(dataset_mode="unaligned")
        shared = {action.dest for action in parser._actions}
        models.find_model(choice.model).modify_commandline_options(parser, self.isTrain)
        mode = choice.dataset_mode or parser.get_default("dataset_mode")
        data.find_dataset(mode).modify_commandline_options(parser, self.isTrain)
        self._add_network_flags(parser, argv)
        # The chosen names win over defaults that the two classes set.
        parser.set_defaults(model=choice.model, dataset_mode=mode)
        self.plugin_flags = {action.dest for action in parser._actions} - shared
        self.adjust_defaults(parser, choice, argv)
        return parser

    def _add_network_flags(self, parser: ArgumentParser, argv: Sequence[str]) -> None:
        """Let the networks of --netG and --netD that have files of their own add their flags."""
        choice = ArgumentParser(add_help=False, allow_abbrev=False)
        for flag in ("netG", "netD"):
            choice.add_argument(f"--{flag}", default=self.saved.get(flag, parser.get_default(flag)))
        chosen, _ = choice.parse_known_args(argv)
        networks.add_network_flags(parser, "generator", chosen.netG, is_train=self.isTrain)
        networks.add_network_flags(parser, "discriminator", chosen.netD, is_train=self.isTrain)

    def read_choice(self, argv: Sequence[str]) -> Namespace:
        """Stage 1: which model and which dataset mode (None: the model's own).

        Where the options of a run are read, its choices hold unless ``argv`` says otherwise.
        """
        parser = Parser(add_help=False)
        add_choice(parser, self.default_model)
        choice, _ = parser.parse_known_args(argv)
        self.run_dir, self.saved = self.find_run(argv)
        trained = self.saved.get("model")
        if trained not in models.available():
            return choice
        if "--model" not in [word.partition("=")[0] for word in argv]:
            choice.model = trained
        elif choice.model not in (trained, *self.other_models):
            raise contradiction("model", choice.model, trained, self.run_dir)
        if choice.model == trained and choice.dataset_mode is None:
            choice.dataset_mode = self.saved.get("dataset_mode")
        return choice

    def find_run(self, argv: Sequence[str]) -> tuple[Path, dict[str, Any]]:
        """The folder that ``argv`` names, and the options of the run in it ({}: none)."""
        parser = ArgumentParser(add_help=False, allow_abbrev=False)
        parser.add_argument("--checkpoints_dir", type=Path, default=Path("checkpoints"))
        parser.add_argument("--name", default="experiment_name")
        parser.add_argument("--suffix", default="")
        run, _ = parser.parse_known_args(argv)
        if "{" in run.suffix:
            raise ValueError(
                f"--suffix {run.suffix}: the options of a run are read from its folder, so name "
                f"the folder itself, such as --name {run.name}_pix2pix"
            )
        run_dir = run.checkpoints_dir / (f"{run.name}_{run.suffix}" if run.suffix else run.name)
        return run_dir, load_options(run_dir)

    def typed_saved(self, parser: ArgumentParser, keys: Collection[str]) -> dict[str, Any]:
        """The run's values of ``keys``, as far as it has them."""
        present = {key: self.saved[key] for key in sorted(self.saved.keys() & set(keys))}
        return typed(present, parser, self.run_dir)

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
        """Hook: take defaults from the run that is tested or gone on with."""

    def require_run_folder(self, opt: Namespace) -> None:
        folder = (opt.checkpoints_dir / opt.name).resolve()
        if not folder.is_dir():
            runs = sorted(path.name for path in opt.checkpoints_dir.glob("*/"))
            raise ValueError(
                f"--name {opt.name}: {folder} is no folder; runs in {folder.parent}: "
                f"{', '.join(runs) or 'none'}; train one, or give another --name or "
                "--checkpoints_dir"
            )

    def validate(self, opt: Namespace) -> None:
        """Raise ValueError for flags that contradict each other."""
        if not opt.name or ".." in Path(opt.name).parts or Path(opt.name).is_absolute():
            raise ValueError(
                f"--name {opt.name!r} must be the name of a folder inside --checkpoints_dir"
            )
        multiple = side_multiple(opt.netG)
        if PREPROCESS[opt.preprocess].crops and opt.crop_size % multiple:
            raise ValueError(
                f"--netG {opt.netG} needs a --crop_size that is a multiple of {multiple}, got "
                f"{opt.crop_size}; change it, or use another --netG"
            )

    def add_flags(self, parser: ArgumentParser) -> None:
        add_run(parser, self.default_model, phase="train" if self.isTrain else "test")
        add_networks(parser)
        add_images(parser)
        add_displays(parser)


def _expand(suffix: str, values: dict[str, Any]) -> str:
    try:
        return suffix.format(**values)
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(
            f"--suffix {suffix}: {error} is no option; write names of options in braces, "
            "such as {model}_{netG}_size{load_size}"
        ) from error
