"""The base classes of all metrics: a metric takes images one by one, and then gives a score."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from metrics.metric_image import MaybeImage, MetricImage
from metrics.palette import Palette


class MissingError(ValueError):
    """A package, a file of weights or the palette is missing.

    The message continues a sentence that begins with the name of the metric: "needs ...". It tells
    how to get the missing part.
    """


class UndefinedError(ValueError):
    """The metric is not defined for these images, or for a set of this size.

    The message gives the reason. It continues a sentence, like that of ``MissingError``.
    """


@dataclass(frozen=True)
class Settings:
    """What the user chose.

    ``weights``: flag of a metric (see ``Metric.requires``) -> file that the user gave.
    ``download``: libraries may download weights that were not given.
    ``no_palette``: if there is no palette, the reason and the fix.
    ``side``: the shorter side in pixels of usual images of all sets; None: unknown.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    weights: Mapping[str, Path] = field(default_factory=dict)
    download: bool = False
    palette: Palette | None = None
    no_palette: str = "no colours of labels are known: --palette FILE names them"
    side: int | None = None


@dataclass(frozen=True)
class Score:
    """The score of a set of images.

    ``error``: standard error of ``value``; ``parts``: the score of each class or channel;
    ``count``: number of images or pairs; ``notes``: sentences without which the number misleads;
    ``doubtful``: it misleads even with them, so other metrics of its kind are shown first.
    ``variant``: such as "3 scales", part of the metric's name wherever the score is shown.
    """

    value: float
    count: int
    error: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    doubtful: bool = False
    variant: str = ""


class Metric(ABC):
    """A score of a set of output images, compared with their targets.

    The program creates one object for each set, calls ``add`` for every image, and ``score`` at the
    end. Images are ``MetricImage``: [H, W, C] with any depth and number of channels; ``unit`` gives
    them as float64 with black 0 and white 1, ``levels()`` as uint8 RGB. Sizes and channels of an
    output and its target may differ: metrics/pixel_pairs.py checks them.

    A subclass sets these attributes:

        label             name in tables
        higher_is_better  direction of the score
        perfect           score of outputs that equal their targets
        paired            True: every output is compared with its target; False: two sets
        per_picture       True: ``add`` returns the value of the pair
        requires          flags of the metric, each of which takes a file: name without dashes ->
                          help text. The file that the user gave is ``settings.weights[name]``.
        needs_input       True: ``add`` uses ``given``
        needs_palette     True: ``settings.palette`` holds the colours of the labels
        needs_side        True: ``settings.side`` is the usual side of the images
        places            number of decimals in tables
    """

    label: ClassVar[str]
    higher_is_better: ClassVar[bool]
    perfect: ClassVar[float]
    paired: ClassVar[bool] = True
    per_picture: ClassVar[bool] = True
    requires: ClassVar[Mapping[str, str]] = {}
    needs_input: ClassVar[bool] = False
    needs_palette: ClassVar[bool] = False
    needs_side: ClassVar[bool] = False
    places: ClassVar[int] = 4

    def __init__(self, settings: Settings) -> None:
        """
        Raises:
            MissingError: a file or package that the metric needs is missing.
        """
        self.settings = settings

    @abstractmethod
    def add(self, fake: MaybeImage, real: MaybeImage, given: MaybeImage = None) -> float | None:
        """Add an output, its target and, with ``needs_input``, the input.

        Return the value of this pair if ``per_picture``. If ``paired``, ``fake`` and ``real`` are
        never None; otherwise one of them may be.

        Raises:
            UndefinedError: the metric is not defined for these images; they do not count.
        """

    @abstractmethod
    def score(self) -> Score:
        """Return the score of all images that were added.

        Raises:
            UndefinedError: there are too few images.
        """


class MeanMetric(Metric):
    """A metric whose score is the mean of the values of all pairs."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.values: list[float] = []

    @abstractmethod
    def measure(self, fake: MetricImage, real: MetricImage) -> float:
        """Return the value of one pair; it may be infinite only if ``perfect`` is.

        Raises:
            UndefinedError: the metric is not defined for these images; they do not count.
        """

    def add(self, fake: MaybeImage, real: MaybeImage, given: MaybeImage = None) -> float:
        assert fake is not None and real is not None
        value = self.measure(fake, real)
        if math.isnan(value):
            raise UndefinedError("gives no number (NaN): look at the images")
        self.values.append(value)
        return value

    def score(self) -> Score:
        """Return the mean without infinite values, which a note counts."""
        if not self.values:
            raise UndefinedError("needs at least 1 pair, got none")
        values = [value for value in self.values if math.isfinite(value)]
        if not values:
            return Score(self.perfect, len(self.values))
        infinite = len(self.values) - len(values)
        note = f"without {infinite} outputs that equal their targets: infinite"
        error = float(np.std(values, ddof=1)) / math.sqrt(len(values)) if values[1:] else None
        notes = (note,) if infinite else ()
        return Score(float(np.mean(values)), len(self.values), error, notes=notes)


def package(name: str) -> Any:
    """Import a package that only some metrics need.

    Raises:
        MissingError: it is not installed, or broken.
    """
    try:
        return import_module(name)
    except ImportError as error:
        distribution = name.split(".")[0].replace("_", "-")
        raise MissingError(
            f"needs the package {distribution} ({error}): pip install {distribution}"
        ) from error
