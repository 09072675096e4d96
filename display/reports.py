"""What a training run reports to its displays."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

# Prefixes of validation values. VALUE: an output is compared with its target, or the outputs as a
# set with images of their domain. CYCLE_VALUE: an input is compared with its reconstruction.
VALUE, CYCLE_VALUE = "val_", "cycle_"
CYCLE_NOTE = (f"{CYCLE_VALUE}... values measure how well the cycle returns the input, not how good "
              "the translation is.")
Image8 = npt.NDArray[np.uint8]  # [H, W, 3]


def current_name(name: str, values: Collection[str]) -> str:
    """Return ``cycle_l1`` for its name in earlier versions, ``val_l1``, unless both are known."""
    renamed = CYCLE_VALUE + name.removeprefix(VALUE)
    return renamed if name not in values and renamed in values else name


def is_value(name: str) -> bool:
    """Return whether a name of ``losses.csv`` is a validation value.

    Files of metrics have lower-case names, so ``cycle_l1`` is a value and ``cycle_A`` is a loss.
    """
    return re.match(f"{VALUE}|{CYCLE_VALUE}[a-z]", name) is not None


@dataclass(frozen=True)
class Progress:
    """The position of the run. Epochs count from 1, all other fields count images."""

    epoch: int
    n_epochs: int  # number of the last epoch
    images: int  # seen since the run began
    epoch_images: int  # seen in this epoch
    epoch_size: int  # images per epoch

    @property
    def epoch_position(self) -> float:
        """Return the number of epochs that are over: 2.5 is the middle of epoch 3."""
        return self.epoch - 1 + self.epoch_images / max(1, self.epoch_size)

    @property
    def images_left(self) -> int:
        """Return the number of images until the end of the run."""
        epochs_left = max(0, self.n_epochs - self.epoch)
        return epochs_left * self.epoch_size + max(0, self.epoch_size - self.epoch_images)


@dataclass(frozen=True)
class LossReport:
    """Losses at a position; ``validation``: values by names for which ``is_value``."""

    progress: Progress
    losses: Mapping[str, float]
    seconds_per_image: float
    data_seconds_per_image: float  # the part of it that was spent waiting for data
    learning_rate: float
    validation: Mapping[str, float] = field(default_factory=dict)

    @property
    def data_share(self) -> float:
        """Return the share of the time that was spent waiting for data, 0..1."""
        seconds = self.seconds_per_image
        return min(1.0, self.data_seconds_per_image / seconds) if seconds > 0 else 0.0

    @property
    def lines(self) -> list[str]:
        """Return the losses, and in a second line the values of a validation if there are any.

        Tools for this family of programs have parsed the first line since 2017. The space at its
        end is part of the format.
        """
        head = f"(epoch: {self.progress.epoch}, iters: {self.progress.epoch_images}, "
        times = f"time: {self.seconds_per_image:.3f}, data: {self.data_seconds_per_image:.3f}) "
        losses = "".join(f"{name}: {value:.3f} " for name, value in self.losses.items())
        values = "".join(f"{name}: {value:.4f} " for name, value in self.validation.items())
        return [head + times + losses, *([head + "validation) " + values] if values else [])]


@dataclass(frozen=True)
class StatusReport:
    """Losses after the first step and every 30 s, to be shown and not recorded."""

    progress: Progress
    losses: Mapping[str, float]


@dataclass(frozen=True)
class PictureReport:
    progress: Progress
    pictures: Mapping[str, Image8]  # by label
    keep: bool  # True: all displays show it; False: only the live displays
    rows: Sequence[Sequence[str]] = ()  # labels of each row of the page; (): one row


@dataclass(frozen=True)
class Strip:
    """One example of a validation: input, output, and target if there is one.

    ``name`` is the name of its file, ``label`` the model's name of the output.
    """

    name: str
    label: str
    given: Image8
    made: Image8
    wanted: Image8 | None


@dataclass(frozen=True)
class FilmReport:
    """The same examples at every validation; ``number`` counts the validations from 1."""

    progress: Progress
    number: int
    strips: Sequence[Strip]


@dataclass(frozen=True)
class Advice:
    """A problem of a training and what to do about it; ``over``: the problem has ended."""

    epoch: int
    images: int  # seen since the run began
    complaint: str  # a name of training.doctor.diagnoses.DIAGNOSES
    seen: str  # the observation, with its value
    meaning: str
    remedy: str
    over: bool = False

    @property
    def line(self) -> str:
        if self.over:
            return f"{self.complaint}: over, {self.seen}"
        return f"{self.complaint}: {self.seen}: {self.meaning}. What to do: {self.remedy}"
