"""Save a run when it is due, and restore it: ``latest_state.pth`` and the files of weights.

The main process writes; the other processes send it their own state.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from models.base_model import BaseModel
from training.clock import Clock
from training.saving import process_states
from training.saving.background_saver import BackgroundSaver, require_space
from training.saving.logs import cut_to_sizes, log_sizes
from training.saving.state_file import VERSION, explaining, read_state
from training.validation.best import Best
from util import checkpoint
from util.checkpoint import tensor_bytes
from util.distributed import current_process
from util.run_folder.weights import prune_epochs
from util.text import pluralise

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class RunSaver:
    """Saves a model and its clock in the background; a context that waits for the last save."""

    model: BaseModel
    clock: Clock
    best: Best | None  # the best validation, whose weights are saved as ``best``
    latest_freq: int  # images between two saves of ``latest``
    epoch_freq: int  # epochs between two numbered saves; the last epoch is always saved
    by_iter: bool  # save ``latest`` also as ``iter_<images>``
    keep_epochs: int | None  # number of numbered saves that are kept, the newest; None: all

    def __post_init__(self) -> None:
        self.folder = Path(self.model.save_dir)  # a file of a user may set a text
        self.path = self.folder / "latest_state.pth"
        self._saver = BackgroundSaver()
        self._writes = current_process().is_main
        self._on_disk = ""  # the position of latest_state.pth in the run; "": there is none yet
        self._images_on_disk = self._first_images = 0
        self.before_save: Callable[[], None] = lambda: None  # if it raises, nothing is saved

    def __enter__(self) -> "RunSaver":
        return self

    def __exit__(self, *error: object) -> None:
        with self._error_context():
            self._saver.wait()

    @property
    def has_new_images(self) -> bool:
        """True if a step was made since the state that ``begin`` saved."""
        return self.clock.images != self._first_images

    def begin(self) -> None:
        """Save the state before the first image: a run can then be resumed from its first moment.

        After an exact resume, that state is on disk already.
        """
        if self._on_disk != self.clock.place:
            state = self._state()
            if self._writes:
                checkpoint.save(self.path, state)
            self._note_saved(self.clock.place, self.clock.images)
        self._first_images = self.clock.images

    def save_if_due(self, *, now: bool) -> None:
        """Save if a save is due, or ``now``.

        The state is written last. If the run is killed before that, it is resumed from the
        previous state and writes the weights again.

        Raises:
            OSError: the previous save failed.
        """
        with self._error_context():
            self._saver.check()
        self._save_best()
        labels = self._labels_due(now=now)
        if not labels:
            return
        self.before_save()
        state = self._state()
        if not self._writes:
            return
        log.info("saving the model (epoch %d, images %d)", self.clock.epoch, self.clock.images)
        files: dict[Path, Mapping[str, Any]] = {}
        for label in labels:
            self.model.before_save(label)
            files |= self.model.network_files(label)
        files[self.path] = state
        with self._error_context():
            self._saver.save(files, then=partial(
                self._saved, self.clock.place, self.clock.images, self.clock.epoch))

    def _save_best(self) -> None:
        """Save the weights of a new best validation, without a state."""
        best = self.best
        if best is None or not best.is_new:
            return
        best.is_new = False
        self.before_save()
        if self._writes:
            log.info("best validation so far, saved as best: %s", best.describe())
            self.model.before_save("best")
            write_record = partial(best.write, self.folder, best.record)
            with self._error_context():
                self._saver.save(self.model.network_files("best"), then=write_record)

    def restore(self) -> None:
        """Restore the last save; remove from the logs what was written after it."""
        state = read_state(self.path)
        with explaining(self.path):
            self.model.load_state_dict(state["model"])
            self.clock.load_state_dict(state["clock"])
            process_states.load(self.model, state)
            # A state without a best is that of a run without validation.
            best = None if state.get("best") is None else self.best
            if best:
                best.load_state_dict(state["best"])
            if self._writes:
                cut_to_sizes(self.folder, state["logs"])
        if best and self._writes:
            best.rename_in(self.folder)
        self._note_saved(self.clock.place, self.clock.images)

    def require_space(self) -> None:
        """Raise OSError if the first save does not fit on the disk; warn if the last may not."""
        weights = tensor_bytes(list(self.model.network_files("latest").values()))
        # The state holds the networks and Adam's two moments of each weight. While it is written,
        # the previous one is still on disk.
        first = weights + 2 * 3 * weights
        numbered = self.clock.n_epochs // self.epoch_freq + 1
        require_space(self.folder, first, "the first save")
        whole = first + weights * min(numbered, self.keep_epochs or numbered)
        try:
            require_space(self.folder, whole, "the whole run")
        except OSError as error:
            log.warning("%s", error)

    def describe_lost_work(self) -> str:
        """Return what is lost if the program ends now, and where the run can be resumed."""
        with suppress(OSError):
            self._saver.wait()
        lost = self.clock.images - self._images_on_disk
        if not lost:
            return "Interrupted. Nothing is lost: --continue_train resumes the run"
        return (f"Interrupted. The work since the last save is lost ({pluralise(lost, 'image')}): "
                f"--continue_train resumes from {self._on_disk}")

    def _note_saved(self, place: str, images: int) -> None:
        self._on_disk, self._images_on_disk = place, images

    def _saved(self, place: str, images: int, epoch: int) -> None:
        self._note_saved(place, images)
        prune_epochs(self.folder, self.keep_epochs, newest=epoch)

    @contextmanager
    def _error_context(self) -> Iterator[None]:
        """Add to the error of a save what is on disk, and where the run can be resumed."""
        try:
            yield
        except OSError as error:
            state = "no state of this run is on disk yet"
            if self._on_disk:
                state = f"{self.path.name} is intact, --continue_train resumes from {self._on_disk}"
            newer = ", ".join(path.name for path in self._saver.written)
            note = f"; already newer, and written again after a resume: {newer}" if newer else ""
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
        """Return the content of latest_state.pth, after a check that all processes agree."""
        self.model.replicas.require_equal(self.model.parts.networks)
        return {"version": VERSION,
                "model": self.model.state_dict(),
                "clock": self.clock.state_dict(),
                "best": self.best.state_dict() if self.best else None,
                **process_states.collect(self.model),
                "logs": log_sizes(self.folder)}
