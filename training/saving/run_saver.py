"""When a run is saved, under which names, and how it goes on: ``latest_state.pth``.

Of several processes the main one writes; the others hand it what they alone know.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from models.base_model import BaseModel
from training.clock import Clock
from training.saving import process_states
from training.saving.background_saver import Saver, require_space
from training.saving.logs import cut_to_sizes, log_sizes
from training.validation.best import Best
from util import checkpoint
from util.checkpoint import tensor_bytes
from util.distributed import current_process
from util.run_folder.weights import advice_without_state, prune_epochs

log = logging.getLogger(__name__)

_PARTS = {"model", "clock", "random", "logs"}  # of latest_state.pth


class RunSaver:
    """Saves a model and its clock in the background; a context that waits for the last save.

    Args:
        best: judges the validations; what it finds is saved as ``best``. None: there are none.
        latest_freq: images between two saves of ``latest``.
        epoch_freq: epochs between two numbered saves; the last epoch is always saved.
        by_iter: save ``latest`` under ``iter_<images>`` too.
        keep_epochs: numbered saves that stay, the newest; None: all.
    """

    def __init__(
        self,
        model: BaseModel,
        clock: Clock,
        *,
        best: Best | None = None,
        latest_freq: int,
        epoch_freq: int,
        by_iter: bool,
        keep_epochs: int | None,
    ) -> None:
        self.model = model
        self.clock = clock
        self.best = best
        self.latest_freq = latest_freq
        self.epoch_freq = epoch_freq
        self.by_iter = by_iter
        self.keep_epochs = keep_epochs
        self.folder = model.save_dir
        self.path = self.folder / "latest_state.pth"
        self._saver = Saver()
        self._writes = current_process().is_main
        self._on_disk = ""  # the place at which latest_state.pth was taken; "": not of this run
        self.before_save: Callable[[], None] = lambda: None  # may raise, and nothing is saved

    def __enter__(self) -> "RunSaver":
        return self

    def __exit__(self, *error: object) -> None:
        with self._explained():
            self._saver.wait()

    def begin(self) -> None:
        """Write the state of the first image, so that a kill before the first save is no loss.

        A run that goes on exactly from its state has it already.
        """
        if self._on_disk != self.clock.place:
            self.model.replicas.require_equal(self.model.networks)
            state = self._state()
            if self._writes:
                checkpoint.save(self.path, state)
            self._on_disk = self.clock.place

    def save_if_due(self, *, now: bool) -> None:
        """Save if the clock says so, or ``now`` in any case.

        The state is written last: a run that is killed in between goes back to the state before
        and writes the weights once more.

        Raises:
            OSError: the save before could not be written; known as soon as it failed.
        """
        with self._explained():
            self._saver.check()
        self._save_best()
        labels = self._labels_due(now=now)
        if not labels:
            return
        self.before_save()
        self.model.replicas.require_equal(self.model.networks)
        state = self._state()
        if not self._writes:
            return
        log.info("saving the model (epoch %d, images %d)", self.clock.epoch, self.clock.images)
        files: dict[Path, Mapping[str, Any]] = {}
        for label in labels:
            files |= self.model.network_files(label)
        files[self.path] = state
        with self._explained():
            self._saver.save(files, then=partial(self._saved, self.clock.place, self.clock.epoch))

    def _save_best(self) -> None:
        """The weights that were measured, if nothing before was better. No state: see ``Best``."""
        best = self.best
        if best is None or not best.is_new:
            return
        best.is_new = False
        self.before_save()
        if self._writes:
            log.info("the best so far, saved as best: %s", best.describe())
            tell = partial(best.write, self.folder, best.found)
            with self._explained():
                self._saver.save(self.model.network_files("best"), then=tell)

    def restore(self) -> None:
        """Put back what was saved last; logs lose what was written after it."""
        state = checkpoint.load(self.path, advice=advice_without_state)
        if not state.keys() >= _PARTS:
            found = ", ".join(map(str, list(state)[:3])) or "nothing"
            raise ValueError(
                f"{self.path} is no state of a run (it begins with {found}; wanted "
                f"{', '.join(sorted(_PARTS))}); {advice_without_state(self.path)}"
            )
        self.model.load_state_dict(state["model"])
        self.clock.load_state_dict(state["clock"])
        process_states.load(self.model, state)
        if self.best and state.get("best"):  # else validation is new, and begins here
            self.best.load_state_dict(state["best"])
        if self._writes:
            cut_to_sizes(self.folder, state["logs"])
        self._on_disk = self.clock.place

    def require_space(self) -> None:
        """Raise OSError if the first save will not fit on the disk; warn if the last may not."""
        weights = tensor_bytes(list(self.model.network_files("latest").values()))
        # The state holds the networks and Adam's two moments of each weight; while it is written
        # the one before is still there.
        first = weights + 2 * 3 * weights
        numbered = self.clock.n_epochs // self.epoch_freq + 1
        require_space(self.folder, first, "the first save")
        whole = first + weights * min(numbered, self.keep_epochs or numbered)
        try:
            require_space(self.folder, whole, "the whole run")
        except OSError as error:
            log.warning("%s", error)

    def _saved(self, place: str, epoch: int) -> None:
        self._on_disk = place
        prune_epochs(self.folder, self.keep_epochs, newest=epoch)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Add to a failed save what is on disk now, and so where the run will go on."""
        try:
            yield
        except OSError as error:
            state = "no state of this run is on disk yet"
            if self._on_disk:
                state = f"{self.path.name} is whole, --continue_train goes on from {self._on_disk}"
            newer = ", ".join(path.name for path in self._saver.written)
            note = f"; already newer than that, and to be written again: {newer}" if newer else ""
            raise type(error)(f"{error}; {state}{note}") from error

    def _labels_due(self, *, now: bool) -> list[int | str]:
        clock = self.clock
        labels: list[int | str] = []
        latest_due = clock.due(self.latest_freq)
        if latest_due and self.by_iter:
            labels.append(f"iter_{clock.images}")
        last_epoch = clock.epoch == clock.n_epochs
        if clock.epoch_complete and (clock.epoch % self.epoch_freq == 0 or last_epoch):
            labels.append(clock.epoch)
        if labels or latest_due or now:
            labels.append("latest")
        return labels

    def _state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "clock": self.clock.state_dict(),
            "best": self.best.state_dict() if self.best else None,
            **process_states.collect(self.model),
            "logs": log_sizes(self.folder),
        }
