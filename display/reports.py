"""What a training run reports to its displays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

VALUE = "val_"  # begins the name of a validation's value
Picture = npt.NDArray[np.uint8]  # [H, W, 3]


@dataclass(frozen=True)
class Progress:
    """Where the run is. Epochs count from 1, everything else counts images."""

    epoch: int
    n_epochs: int  # number of the last epoch
    images: int  # seen since the run began
    epoch_images: int  # seen in this epoch
    epoch_size: int  # images per epoch

    @property
    def epoch_position(self) -> float:
        """The epoch with its fraction: 3.5 is the middle of epoch 3."""
        return self.epoch + self.epoch_images / max(1, self.epoch_size)

    @property
    def images_left(self) -> int:
        """Until the end of the run."""
        epochs_left = max(0, self.n_epochs - self.epoch)
        return epochs_left * self.epoch_size + max(0, self.epoch_size - self.epoch_images)


@dataclass(frozen=True)
class LossReport:
    """``validation``: what was measured at this place, by names that begin with ``VALUE``."""

    progress: Progress
    losses: Mapping[str, float]
    seconds_per_image: float
    data_seconds_per_image: float  # part of the above, spent waiting for data
    learning_rate: float
    validation: Mapping[str, float] = field(default_factory=dict)

    @property
    def data_share(self) -> float:
        """Share of the time spent waiting for data, 0..1."""
        if self.seconds_per_image <= 0:
            return 0.0
        return min(1.0, self.data_seconds_per_image / self.seconds_per_image)

    @property
    def line(self) -> str:
        """The line that tools for this family of programs have parsed since 2017.

        The blank at its end is part of it.
        """
        head = (
            f"(epoch: {self.progress.epoch}, iters: {self.progress.epoch_images}, "
            f"time: {self.seconds_per_image:.3f}, data: {self.data_seconds_per_image:.3f}) "
        )
        return head + "".join(f"{name}: {value:.3f} " for name, value in self.losses.items())

    @property
    def lines(self) -> list[str]:
        """That line, and one of the validation where there was one."""
        if not self.validation:
            return [self.line]
        values = "".join(f"{name}: {value:.4f} " for name, value in self.validation.items())
        place = f"(epoch: {self.progress.epoch}, iters: {self.progress.epoch_images}, validation) "
        return [self.line, place + values]


@dataclass(frozen=True)
class PictureReport:
    progress: Progress
    pictures: Mapping[str, Picture]  # by label
    keep: bool  # True: for the web page and the live displays; False: for the live displays only


@dataclass(frozen=True)
class Strip:
    """One picture of a validation: input, output, and target where there is one.

    ``name`` is that of its file, ``label`` that of the output.
    """

    name: str
    label: str
    given: Picture
    made: Picture
    wanted: Picture | None


@dataclass(frozen=True)
class FilmReport:
    """The same pictures at every validation; ``number`` counts them from 1."""

    progress: Progress
    number: int
    strips: Sequence[Strip]


@dataclass(frozen=True)
class Advice:
    """What is wrong with a training, and what to do; or that it is ``over``."""

    epoch: int
    images: int  # seen since the run began
    complaint: str  # a name of training.doctor.diagnoses.COMPLAINTS
    seen: str  # with the number
    meaning: str
    remedy: str
    over: bool = False

    @property
    def line(self) -> str:
        if self.over:
            return f"{self.complaint}: over, {self.seen}"
        return f"{self.complaint}: {self.seen}: {self.meaning}. What to do: {self.remedy}"
