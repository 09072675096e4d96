"""What every metric is: it takes pictures in, one by one, and has a score at the end."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from metrics.palette import Palette
from metrics.picture import Picture


class MissingError(ValueError):
    """A package, weights or a palette lack. The message follows the name of the metric: "needs
    ...", and says how to get them.
    """


class UndefinedError(ValueError):
    """The metric means nothing for this picture, or for so small a set. The message says why, as
    for ``MissingError``.
    """


@dataclass(frozen=True)
class Settings:
    """``weights``: what a metric ``requires`` -> the file that was given for it.

    ``download``: weights that were not given may be fetched by the library that knows them.
    ``no_palette``: why there is none, and what to do about it.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    weights: Mapping[str, Path] = field(default_factory=dict)
    download: bool = False
    palette: Palette | None = None
    no_palette: str = "no colours of labels are known: --palette FILE names them"


@dataclass(frozen=True)
class Score:
    """``error``: standard error of ``value``; ``parts``: the same of each class or channel.

    ``count``: pictures or pairs; ``notes``: sentences without which the number misleads.
    ``doubtful``: it misleads even with them, and others of its kind should be looked at first.
    """

    value: float
    count: int
    error: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    doubtful: bool = False


class Metric(ABC):
    """One score of a set of outputs, against their targets.

    A metric is made for one set: ``add`` every picture, then ask for the ``score``.

        label             as people write it
        higher_is_better  which way is up
        perfect           the score of outputs that equal their targets
        paired            every output is compared with its target; else set with set
        per_picture       ``add`` returns a value of the pair
        requires          weights: flag without its dashes -> help text of the flag
        needs_input       ``add`` looks at ``given``
        needs_palette     ``Settings.palette`` says which colours are labels
        places            decimals worth printing
    """

    label: ClassVar[str]
    higher_is_better: ClassVar[bool]
    perfect: ClassVar[float]
    paired: ClassVar[bool] = True
    per_picture: ClassVar[bool] = True
    requires: ClassVar[Mapping[str, str]] = {}
    needs_input: ClassVar[bool] = False
    needs_palette: ClassVar[bool] = False
    places: ClassVar[int] = 4

    def __init__(self, settings: Settings) -> None:
        """
        Raises:
            MissingError: what the metric needs is not there.
        """
        self.settings = settings

    @abstractmethod
    def add(
        self, fake: Picture | None, real: Picture | None, given: Picture | None = None
    ) -> float | None:
        """Take in an output and its target; ``given`` is the input, where it is known; without
        ``needs_input`` nobody may have read it.

        If ``paired``, both are there; else each by itself may be None. Returns the value of this
        pair if ``per_picture``.

        Raises:
            UndefinedError: the metric means nothing for these pictures; they do not count.
        """

    @abstractmethod
    def score(self) -> Score:
        """Of all that was added.

        Raises:
            UndefinedError: that was too little.
        """


class MeanMetric(Metric):
    """Every pair has a value, and the set their mean."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.values: list[float] = []

    @abstractmethod
    def measure(self, fake: Picture, real: Picture) -> float:
        """Of one pair; infinite only where ``perfect`` is.

        Raises:
            UndefinedError: as for ``add``.
        """

    def add(
        self, fake: Picture | None, real: Picture | None, given: Picture | None = None
    ) -> float:
        assert fake is not None and real is not None
        value = self.measure(fake, real)
        if math.isnan(value):
            raise UndefinedError("gives no number (NaN): look at the pictures")
        self.values.append(value)
        return value

    def score(self) -> Score:
        """Infinite values are left out of the mean, and told: one would hide all others."""
        if not self.values:
            raise UndefinedError("needs at least 1 pair, got none")
        finite = [value for value in self.values if math.isfinite(value)]
        perfect = len(self.values) - len(finite)
        if not finite:
            return Score(self.perfect, len(self.values))
        note = f"without {perfect} outputs that equal their targets: infinite" if perfect else ""
        error = float(np.std(finite, ddof=1)) / math.sqrt(len(finite)) if finite[1:] else None
        return Score(float(np.mean(finite)), len(self.values), error, notes=(note,) * bool(note))


def package(name: str) -> Any:
    """The module of a package that only some metrics need.

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
