"""Resume a run after its last save, or from weights whose epoch is known."""

import logging
from pathlib import Path

from models.base_model import BaseModel
from training.saving.logs import cut_from_epoch
from training.saving.run_saver import RunSaver
from util.distributed import current_process
from util.run_folder.weights import newest_epoch

log = logging.getLogger(__name__)


def resume_run(saver: RunSaver, *, label: str, epoch_count: int | None) -> int:
    """Load what a run saved; return the number of the first epoch to train.

    The state of ``latest`` is exact, also inside an epoch. If only weights are loaded, or
    ``epoch_count`` is given, the epoch starts at its first image and the logs end before it. A
    run without remaining epochs is not changed.

    Args:
        label: ``latest``, ``20`` or ``iter_5000``.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged or belongs to another run, or its epoch is unknown.
    """
    clock = saver.clock
    if not saver.path.is_file() and not any(saver.folder.glob("*_net_*.pth")):
        raise ValueError(f"--continue_train: {saver.folder} holds no run yet; leave the flag out "
                         "to start one")
    if label == "latest" and saver.path.is_file():
        saver.restore()
        if epoch_count is None:
            log.info("resuming from %s", clock.place)
            return clock.epoch + clock.epoch_complete
        first = epoch_count
        log.info("resuming from %s with epoch %d (--epoch_count)", clock.place, first)
    else:
        first = _load_weights(saver.model, label, epoch_count)
    if first <= clock.n_epochs:
        clock.go_to(first)
        if current_process().is_main:
            cut_from_epoch(saver.folder, first)
    return first


def _load_weights(model: BaseModel, label: str, epoch_count: int | None) -> int:
    """Load ``<label>_net_*.pth``; return the epoch after them, known from their names."""
    folder = Path(model.save_dir)
    newest = newest_epoch(folder)
    if label == "latest" and newest and not list(folder.glob("latest_net_*.pth")):
        label = str(newest)
    if label.isdecimal():
        first, reason = int(label) + 1, "according to their name"
    elif label == "latest":
        first, reason = newest + 1, "after the newest numbered epoch"
    else:
        first, reason = 0, ""
    if epoch_count is not None:
        first, reason = epoch_count, "from --epoch_count"
    if not first:
        raise ValueError(f"the epoch of {label}_net_*.pth is unknown: add --epoch_count with the "
                         "number of the first epoch to train (the newest numbered weights are of "
                         f"epoch {newest or 'none'})")
    _require_own(model, label)
    model.load_networks(label)
    log.info("%s_net_*.pth hold only weights: the optimizers start from scratch; first epoch: %d "
             "(%s%s)", label, first, reason, "" if epoch_count else "; --epoch_count changes it")
    return first


def _require_own(model: BaseModel, label: str) -> None:
    """Raise ValueError if all weights belong to other networks, those of another model."""
    files = Path(model.save_dir).glob(f"{label}_net_*.pth")
    names = [path.stem.partition("_net_")[2] for path in files]
    own = model.parts.networks
    if names and not set(names) & set(own):
        raise ValueError(f"{model.save_dir} has {label} weights of {', '.join(sorted(names))}, "
                         f"this model needs {', '.join(own)}; give the --model that the run was "
                         "trained with")
