"""Find out what the page shows of a run: kind of input, palette, canvas size, and samples."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from data.files.source import Source
from data.files.value_range import ValueRange
from data.record import load_record
from inference.generator_file import Direction
from metrics.palette import NoPaletteError, Palette, find_palette, read_palette
from serving.answers import DirectionInfo, InputKind, LabelColour, ModelInfo, PairLayout, SampleLink
from serving.engine import Engine
from serving.known_palettes import load_own_palette, with_known_names
from serving.training_pictures import RgbPixels, find_sources, inspected_images, read_8bit_rgb
from util.run_folder.options import load_options

log = logging.getLogger(__name__)
KIND_NAMES: dict[InputKind, str] = {"labels": "labels", "edges": "edge drawings", "photo": "photos"}
MAX_SAMPLES = 24
MAX_LABELS = 40  # colours; a user could hardly choose from a longer list
DARK, BRIGHT = 64, 192  # levels up to which a pixel is black, and from which it is white
EDGES_SHARE = 0.9  # minimum share of black and white pixels in an edge drawing
WHITE_SHARE = 0.5  # minimum share of white pixels in an edge drawing
DEFAULT_SIDE = 256  # pixels, if the run has no --crop_size


@dataclass(frozen=True)
class DirectionDescription:
    """What the page shows of one direction, and the files of its samples.

    ``limits``: black and white in samples of more than 8 bits; None: the range of their dtype.
    """

    info: DirectionInfo
    sources: Sequence[Source] = ()
    limits: ValueRange | None = None


@dataclass(frozen=True)
class RunDescription:
    """``size``: width and height of the canvas (pixels)."""

    name: str
    size: tuple[int, int]
    directions: Sequence[DirectionDescription]

    def info(self, engine: Literal["server", "onnx"]) -> ModelInfo:
        directions = [direction.info for direction in self.directions]
        return ModelInfo(self.name, list(self.size), directions, engine)

    def sample(self, direction: DirectionDescription, number: int) -> RgbPixels:
        """Return a sample in the size of the canvas, uint8 [H, W, 3].

        Raises:
            PictureError: the file cannot be read.
        """
        pixels = read_8bit_rgb(direction.sources[number], direction.limits)
        # Bicubic interpolation would add colours to labels and edges.
        is_photo = direction.info.kind == "photo"
        method = Image.Resampling.BICUBIC if is_photo else Image.Resampling.NEAREST
        return np.asarray(Image.fromarray(pixels).resize(self.size, method))


def describe(
    engine: Engine, path: Path, *, palette_file: Path | None = None, side: int | None = None
) -> RunDescription:
    """Describe the run in the folder ``path``, or a single .pth file.

    ``side``: of the canvas (pixels); None: the run's --crop_size.

    Raises:
        NoPaletteError: ``palette_file`` is not a palette.
    """
    saved = load_options(path) if path.is_dir() else {}
    side = side or int(saved.get("crop_size") or DEFAULT_SIDE)
    given = read_palette(palette_file) if palette_file else None
    name = path.resolve().name if path.is_dir() else path.stem
    directions = [
        _describe(direction, saved, path, given=given, limits=translator.input.value_range)
        for direction, translator in engine.translators.items()
    ]
    return RunDescription(name, (side, side), directions)


def _describe(
    direction: Direction, saved: dict[str, Any], path: Path, *, given: Palette | None,
    limits: ValueRange | None,
) -> DirectionDescription:
    letter = direction[0]
    images = inspected_images(saved, path, direction, limits=limits)
    kind, palette = find_kind(images, given, load_own_palette(saved.get("dataroot")))
    if not images and given is None:
        log.warning("%s: the training images are missing (--dataroot %s), so the page accepts "
                    "photos; to draw labels, name their colours by --palette FILE", path,
                    saved.get("dataroot", "unknown"))
    ground = _ground(palette, images) if palette and images else 0
    sources = find_sources(saved, letter, limit=MAX_SAMPLES, first_phases=("test", "val"))
    log.info("%s: the input is %s%s, %d samples", direction, KIND_NAMES[kind],
             f" ({len(palette)} colours)" if palette else "", len(sources))
    links = [SampleLink(source.path.name, f"samples/{direction}/{number}.png")
             for number, source in enumerate(sources)]
    labels = [LabelColour(colour, palette.name(number))
              for number, colour in enumerate(palette.colours.tolist())] if palette else []
    size = load_record(path).pair_size if path.is_dir() else None
    pair = PairLayout(list(size), "left" if letter == "A" else "right") if size else None
    info = DirectionInfo(direction, kind, labels, ground, pair, links)
    return DirectionDescription(info, sources, limits)


def find_kind(
    images: Sequence[RgbPixels], given: Palette | None, own: Palette | None = None
) -> tuple[InputKind, Palette | None]:
    """Return labels if a palette is given or found, edges if nearly all pixels are black or white.

    ``own``: the palette of the data set, which names the colours that are found.
    """
    if given is not None:
        return "labels", with_known_names(given)
    if images and all(_is_black_on_white(pixels) for pixels in images):
        return "edges", None
    try:
        palette = find_palette(images)
    except NoPaletteError:  # no images, or photos
        return "photo", None
    if not 2 <= len(palette) <= MAX_LABELS:
        return "photo", None
    return "labels", with_known_names(palette, own)


def _is_black_on_white(pixels: RgbPixels) -> bool:
    white = (pixels.min(axis=2) >= BRIGHT).mean()
    black = (pixels.max(axis=2) <= DARK).mean()
    return bool(white >= WHITE_SHARE and white + black >= EDGES_SHARE)


def _ground(palette: Palette, images: Sequence[RgbPixels]) -> int:
    """Return the most frequent colour in the top rows of the images: the sky, or the background."""
    rows = [palette.classes(pixels[:1]).ravel() for pixels in images]
    return int(np.bincount(np.concatenate(rows), minlength=len(palette)).argmax())
