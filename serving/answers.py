"""The JSON that the server returns; model.json holds what the page has to know about a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from inference.generator_file import Direction

InputKind = Literal["labels", "edges", "photo"]


@dataclass(frozen=True)
class LabelColour:
    colour: list[int]  # red, green, blue
    name: str


@dataclass(frozen=True)
class SampleLink:
    name: str
    url: str


@dataclass(frozen=True)
class PairLayout:
    """Files of the training set that hold A | B: their width and height, and the input half."""

    size: list[int]
    half: Literal["left", "right"]


@dataclass(frozen=True)
class DirectionInfo:
    """``palette``: empty unless the input is a label map. ``ground``: index of its background."""

    id: Direction
    kind: InputKind
    palette: list[LabelColour]
    ground: int
    pair: PairLayout | None
    samples: list[SampleLink]


@dataclass(frozen=True)
class ModelInfo:
    """``size``: width and height of the canvas (pixels). ``engine``: what runs the network."""

    name: str
    size: list[int]
    directions: Sequence[DirectionInfo]
    engine: Literal["server", "onnx"]


@dataclass(frozen=True)
class Health:
    """``waiting``: images in the queue of the network."""

    status: str
    waiting: int


@dataclass(frozen=True)
class ErrorMessage:
    error: str
