"""What the page must know of a run: what is drawn, with which colours, how large, and samples."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from data.files.source import Source
from data.files.value_range import ValueRange
from data.record import load_record
from inference.generator_file import Direction
from metrics.palette import NoPaletteError, Palette, find_palette, read_palette
from serving.engine import Engine
from serving.known_palettes import load_own_palette, named
from serving.training_pictures import (
    TEST_PHASES,
    Levels,
    find_sources,
    levels_of,
    read_levels,
    scaled,
    shown_by_the_run,
    spread,
)
from util.run_folder.options import load_options

log = logging.getLogger(__name__)
Kind = Literal["labels", "edges", "photo"]
IN_WORDS: dict[Kind, str] = {"labels": "labels", "edges": "drawings of edges", "photo": "photos"}
LOOKED_AT = 60  # pictures of the training in which kind and palette are looked for
MOST_SAMPLES = 24
MOST_LABELS = 40  # colours; with more, no person could choose one
DARK, BRIGHT = 64, 192  # levels: nearly black, nearly white
EDGES_SHARE = 0.9  # of the pixels, nearly black or white in drawings of edges
WHITE_SHARE = 0.5  # of their pixels, at least
DEFAULT_SIDE = 256  # pixels, where the run does not tell


@dataclass(frozen=True)
class DirectionDescription:
    """``palette``: of labels only. ``ground``: its number, the colour of an empty drawing.

    ``limits``: what is black and white in samples of more than 8 bits; None: by their dtype.
    ``pair_size``: width and height of the training's files, where each held A | B.
    """

    direction: Direction
    kind: Kind
    palette: Palette | None
    ground: int
    samples: Sequence[Source]
    limits: ValueRange | None = None
    pair_size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Description:
    """``size``: width and height of the canvas (pixels)."""

    name: str
    size: tuple[int, int]
    directions: Sequence[DirectionDescription]

    def of(self, direction: str) -> DirectionDescription | None:
        return next((one for one in self.directions if one.direction == direction), None)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "size": list(self.size),
            "directions": [_as_json(one) for one in self.directions],
        }

    def sample(self, one: DirectionDescription, number: int) -> Levels:
        """The sample in the size of the canvas, uint8 [H, W, 3].

        Raises:
            PictureError: it cannot be read.
        """
        levels = read_levels(one.samples[number], one.limits)
        return scaled(levels, self.size, mixing=one.kind == "photo")


def describe(
    engine: Engine, path: Path, *, palette_file: Path | None = None, side: int | None = None
) -> Description:
    """``path``: the folder of the run, or its .pth file. ``side`` of the canvas (pixels).

    Raises:
        NoPaletteError: ``palette_file`` is no palette.
    """
    saved = load_options(path) if path.is_dir() else {}
    side = side or int(saved.get("crop_size") or DEFAULT_SIDE)
    given = read_palette(palette_file) if palette_file else None
    name = path.resolve().name if path.is_dir() else path.stem
    directions = [
        _describe(direction, saved, path, given, translator.input.value_range)
        for direction, translator in engine.translators.items()
    ]
    return Description(name, (side, side), directions)


def _describe(
    direction: Direction, saved: dict[str, Any], path: Path, given: Palette | None,
    limits: ValueRange | None,
) -> DirectionDescription:
    letter = direction[0]
    training = find_sources(saved, letter, [saved.get("phase", "train")])
    pictures = list(levels_of(spread(training, LOOKED_AT), limits))
    if not pictures:
        # On a run's page, real_A is what goes in, whatever its letter in the data.
        shown = "real_A" if direction == (saved.get("direction") or "AtoB") else "real_B"
        pictures = shown_by_the_run(path, shown)
    kind, palette = find_kind(pictures, given, load_own_palette(saved.get("dataroot")))
    if not pictures and given is None:
        log.warning(
            "%s: the pictures of the training are not there (--dataroot %s), so the page takes "
            "photos; if labels are to be drawn, name their colours by --palette FILE",
            path, saved.get("dataroot", "unknown"),
        )
    samples = find_sources(saved, letter, [*TEST_PHASES, saved.get("phase", "train")])
    ground = _ground(palette, pictures) if palette else 0
    log.info("%s: %s go in%s, %d samples", direction, IN_WORDS[kind],
             f" ({len(palette)} colours)" if palette else "", len(samples))
    pair_size = load_record(path).pair_size if path.is_dir() else None
    return DirectionDescription(
        direction, kind, palette, ground, spread(samples, MOST_SAMPLES), limits, pair_size
    )


def find_kind(
    pictures: Sequence[Levels], given: Palette | None, own: Palette | None = None
) -> tuple[Kind, Palette | None]:
    """Labels where a palette is given or found, edges where nearly all is black on white."""
    if given is not None:
        return "labels", named(given)
    if not pictures:
        return "photo", None
    if all(_is_black_on_white(levels) for levels in pictures):
        return "edges", None
    try:
        palette = find_palette(pictures)
    except NoPaletteError:
        return "photo", None
    return ("labels", named(palette, own)) if 2 <= len(palette) <= MOST_LABELS else ("photo", None)


def _is_black_on_white(levels: Levels) -> bool:
    white = (levels.min(axis=2) >= BRIGHT).mean()
    black = (levels.max(axis=2) <= DARK).mean()
    return bool(white >= WHITE_SHARE and white + black >= EDGES_SHARE)


def _ground(palette: Palette, pictures: Sequence[Levels]) -> int:
    """The colour that most upper edges of the pictures have: sky, background."""
    edges = [palette.classes(levels[:1]).ravel() for levels in pictures]
    if not edges:
        return 0
    return int(np.bincount(np.concatenate(edges), minlength=len(palette)).argmax())


def _as_json(one: DirectionDescription) -> dict[str, Any]:
    colours = [] if one.palette is None else [
        {"colour": [int(level) for level in colour], "name": one.palette.name(number)}
        for number, colour in enumerate(one.palette.colours)
    ]
    return {
        "id": one.direction,
        "kind": one.kind,
        "palette": colours,
        "ground": one.ground,
        "pair": one.pair_size and {
            "size": list(one.pair_size), "half": "left" if one.direction[0] == "A" else "right"
        },
        "samples": [
            {"name": source.path.name, "url": f"samples/{one.direction}/{number}.png"}
            for number, source in enumerate(one.samples)
        ],
    }
