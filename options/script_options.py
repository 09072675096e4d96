"""The options of a script or notebook of the user, who calls ``parse()`` and then changes them."""

import logging
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from compat.helpers import asked_gpus, init_ddp
from compat.options import SeenOptions, plain
from data.base_dataset import examples_of
from data.record import record_formats, save_record
from data.transforms import PREPROCESS
from models.base_model import BaseModel
from options.run_file import save_options
from options.speed_choice import choose_speed
from util.console.log_lines import start_logging
from util.distributed import current_process
from util.files import NotWritableError
from util.flags import AUTO, gpu_list
from util.random_states import seed_everything
from util.run_folder.layout import delete_run
from util.run_folder.networks import save_network_entries
from util.run_folder.weights import newest_epoch
from util.runtime import choose_device, set_arithmetic

log = logging.getLogger(__name__)
# Flags that only the loop of train.py uses, with their values if they are not given.
_OF_TRAIN_PY = {"cuda_graph": False, "ema": 0.0, "val_phase": "", "early_stop": 0,
                "init_from": None, "grad_accum": 1, "keep_epochs": None}


class ScriptOptions(SeenOptions):
    """Options that follow each change: ``opt.gpu_ids = []`` changes ``opt.device``, too."""

    # _options: the BaseOptions that parsed them, None in a copy. _unset: flags with the value
    # ``auto``, which are chosen again after each change. _dataset, _model: the last ones or None.
    __slots__ = _SLOTS = ("_dataset", "_model", "_options", "_unset")
    is_script = True
    _options: Any
    _unset: set[str]
    _dataset: Any
    _model: Any

    @classmethod
    def parsed(cls, opt: Namespace, options: Any) -> "ScriptOptions":
        seen = cls.of(opt)
        assert isinstance(seen, cls)
        object.__setattr__(seen, "_options", options)
        object.__setattr__(seen, "_unset", {*getattr(options, "chosen", ())})
        object.__setattr__(seen, "_dataset", None)
        object.__setattr__(seen, "_model", None)
        return seen

    def __reduce__(self) -> Any:
        return _copied, (vars(self), self._unset)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._SLOTS:
            object.__setattr__(self, name, value)
            return
        if name == "gpu_ids":
            value = _as_gpus(value)
        super().__setattr__(name, value)
        self._unset.discard(name)
        own = plain(self)
        if name == "gpu_ids":
            own.device = choose_device(value)
        if self._unset and name not in ("isTrain", "name"):
            vars(own).update(dict.fromkeys(self._unset, AUTO))
            choose_speed(own)
            own.cuda_graph = False

    def begin(self, model: Any) -> None:
        """Prepare the folder of the run for a loop of the user. ``model`` was just created."""
        opt, self._model = plain(self), model
        set_arithmetic(opt.precision if opt.isTrain else "default",
                       equal_sizes=PREPROCESS[opt.preprocess].crops)
        if opt.isTrain:
            BaseModel.update_learning_rate(model, opt.epoch_count or 1)
        process = current_process()
        if not process.is_main:
            seed_everything(opt.seed + process.rank)  # different dropout per process
        if not process.is_main or self._options is None:
            return
        if opt.isTrain and opt.overwrite:
            delete_run(opt.checkpoints_dir / opt.name)
        if opt.isTrain:
            _set_state_aside_at_save(model, opt.checkpoints_dir / opt.name / "latest_state.pth")
        try:
            save_options(opt, self._options.parser)
        except NotWritableError as error:
            log.warning("the options are not saved: %s", error)
            return
        if opt.isTrain:
            save_network_entries(opt.checkpoints_dir / opt.name, model.parts.entries())
            if self._dataset is not None and not opt.continue_train:
                with suppress(OSError, ValueError):
                    save_record(record_formats(examples_of(self._dataset)),
                                opt.checkpoints_dir / opt.name)


def _set_state_aside_at_save(model: Any, state: Path) -> None:
    """Rename the state of train.py at the first save: it belongs to the weights of before."""
    save = model.save_networks

    def save_networks(epoch: int | str) -> None:
        if state.exists():
            aside = state.with_name("latest_state.before_script.pth")
            state.replace(aside)
            log.warning("%s is now called %s: this script saves weights only; train.py "
                        "--continue_train starts from these", state, aside.name)
        save(epoch)

    model.save_networks = save_networks


def _copied(values: dict[str, Any], unset: set[str]) -> ScriptOptions:
    opt = ScriptOptions.parsed(Namespace(**values), None)
    object.__setattr__(opt, "_unset", {*unset})
    return opt


def _as_gpus(value: Any) -> list[int] | None:
    """Convert what scripts assign to ``opt.gpu_ids``: [0], "0,1", "-1", -1, [], None."""
    if value is None or isinstance(value, list | tuple):
        return None if value is None else [int(number) for number in value if int(number) >= 0]
    return gpu_list(str(value))


def for_script(options: Any, opt: Namespace) -> ScriptOptions:
    """Prepare what train.py and test.py do before they create the data set."""
    seed_everything(opt.seed)
    asked_gpus[:] = [opt.gpu_ids]
    opt.batch_size = opt.batch_size or 1
    unused = [name for name, none in _OF_TRAIN_PY.items()
              if name in options.given and getattr(opt, name, none) != none]
    for name, none in _OF_TRAIN_PY.items():
        if hasattr(opt, name):
            setattr(opt, name, none)
    if unused:
        log.warning("%s: only the loop of train.py uses this; a loop of your own goes without",
                    ", ".join(f"--{name}" for name in unused))
    if opt.isTrain and opt.lr_policy == "plateau":
        raise ValueError("--lr_policy plateau watches a loss, which only train.py does; use "
                         "another policy in a loop of your own")
    if len(opt.gpu_ids or ()) > 1 and not current_process().is_distributed:
        log.warning("--gpu_ids: this process uses GPU %d; to train on all of them: torchrun "
                    "--nproc_per_node=%d YOUR_SCRIPT ...", opt.gpu_ids[0], len(opt.gpu_ids))
    if opt.isTrain and opt.continue_train and opt.epoch_count is None:
        opt.epoch_count = newest_epoch(opt.checkpoints_dir / opt.name) + 1
        log.info("--epoch_count %d, after the newest numbered weights", opt.epoch_count)
    if current_process().is_distributed:
        init_ddp()
    return ScriptOptions.parsed(opt, options)


def script_arguments() -> Sequence[str]:
    """Start logging, and return the command line of the script.

    Raises:
        ValueError: in a notebook, whose kernel has arguments of its own.
    """
    start_logging()
    own, *words = [*sys.argv, ""][: len(sys.argv) or 1]
    if Path(own).name in ("ipykernel_launcher.py", "colab_kernel_launcher.py"):
        raise ValueError(f"sys.argv holds the arguments of the notebook's kernel ({' '.join(words)}"
                         "); set it before parse(): sys.argv = ['train.py', '--dataroot', "
                         "'datasets/mine', '--name', 'mine']")
    return words
