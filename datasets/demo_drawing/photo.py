"""Paint the photo of a street: materials, then sunlight, shadows and camera effects."""

from dataclasses import replace

import numpy as np
from PIL import Image

from datasets.demo_drawing import materials
from datasets.demo_drawing.canvas import Canvas, Look
from datasets.demo_drawing.labels import Array, Part, RgbImage, Street
from datasets.demo_drawing.materials import Tint
from datasets.demo_drawing.painters import PAINTERS

SUPERSAMPLING = 2  # factor per axis by which the photo is painted larger, then reduced
SKY = -99.0  # height of the sky, which has neither light nor shadow
CREAM, WHITE, DARK = (0.86, 0.82, 0.73), (0.92, 0.91, 0.88), (0.17, 0.18, 0.20)
SLATE, CLAY = (0.36, 0.40, 0.47), (0.66, 0.36, 0.24)

# The material depends on what the label map shows of the style, so a network can learn it.
LOOKS: dict[str, Look] = {
    "townhouse": Look(materials.brick, (0.58, 0.27, 0.20), CREAM, WHITE, (0.13, 0.22, 0.33),
                      materials.slate, SLATE, (2, 2)),
    "warehouse": Look(materials.brick, (0.66, 0.50, 0.33), (0.70, 0.62, 0.50), DARK,
                      (0.20, 0.30, 0.24), materials.slate, SLATE, (3, 4)),
    "parisian": Look(materials.stone, (0.84, 0.77, 0.64), (0.90, 0.85, 0.74), WHITE,
                     (0.24, 0.32, 0.42), materials.slate, SLATE, (3, 2)),
    "riviera": Look(materials.plaster, (0.90, 0.70, 0.43), (0.93, 0.88, 0.78), WHITE,
                    (0.22, 0.43, 0.36), materials.roof_tiles, CLAY, (3, 2)),
    "palazzo": Look(materials.plaster, (0.80, 0.50, 0.40), (0.91, 0.86, 0.76), WHITE,
                    (0.40, 0.23, 0.14), materials.roof_tiles, CLAY, (2, 2)),
    "modern": Look(materials.plaster, (0.84, 0.86, 0.85), (0.95, 0.95, 0.93), DARK,
                   (0.72, 0.30, 0.22), materials.slate, SLATE, (1, 3)),
}


def _vary(rng: np.random.Generator, colour: Tint, spread: float) -> Tint:
    bright = 1 + rng.normal(0, spread)
    tint = rng.normal(0, spread / 5, 3)
    red, green, blue = (float(np.clip(channel * (bright + shift), 0.05, 0.97))
                        for channel, shift in zip(colour, tint, strict=True))
    return red, green, blue


def _look(rng: np.random.Generator, style: str) -> Look:
    look = LOOKS[style]
    return replace(look, wall=_vary(rng, look.wall, 0.07), accent=_vary(rng, look.accent, 0.12),
                   roof=_vary(rng, look.roof, 0.06))


def _paint(canvas: Canvas, part: Part, look: Look, rng: np.random.Generator) -> None:
    patch = canvas.cut(part, rng)
    if patch is not None:
        PAINTERS[part.label](patch, look)


def _blur(field: Array, factor: int) -> Array:
    side = field.shape[0]
    small = Image.fromarray(field).reduce(factor)
    return np.asarray(small.resize((side, side), Image.Resampling.BILINEAR), dtype=np.float32)


def _shadow(height: Array, slant: float) -> Array:
    """Return the blocked share of the sunlight, 0..1 [S, S]; it comes from the upper left.

    A point is in shadow if a point ``distance`` units towards the sun is higher by more than
    0.55 * distance.
    """
    side = height.shape[0]
    pixel = 256 / side  # units
    ground = np.maximum(height, -6)
    blocked = np.zeros_like(height)
    for step in range(1, round(20 / pixel)):
        right = round(step * slant)
        seen = ground[: side - step, : side - right]
        over = seen - ground[step:, right:] - 0.55 * step * pixel
        target = blocked[step:, right:]
        np.maximum(target, over, out=target)
    return _blur(np.clip(blocked * 1.2, 0, 1), 2)


def _light(rgb: Array, height: Array, rng: np.random.Generator) -> Array:
    """Add sunlight, blue light of the sky, darker corners between high parts, lit edges."""
    solid = height > SKY / 2
    relief = np.maximum(height, -6)
    sun = 1 - 0.92 * _shadow(height, slant=float(rng.uniform(0.45, 0.8)))
    open_sky = 1 - np.clip((_blur(relief, 8) - relief) / 14, 0, 0.45)
    edge = np.zeros_like(height)
    edge[1:, 1:] = np.clip(relief[1:, 1:] - relief[:-1, :-1], -1.5, 1.5) * 0.07
    light = materials.shaded((0.72, 0.67, 0.58), sun + edge)
    light += materials.shaded((0.37, 0.42, 0.49), open_sky)
    return np.where(solid[..., None], rgb * light, rgb)


def _camera(rgb: Array, rng: np.random.Generator) -> Array:
    """Add a little vignetting and sensor noise."""
    side = rgb.shape[0]
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    vignette = 1 - 0.09 * (axis[:, None] ** 2 + axis[None, :] ** 2)
    noise = rng.normal(0, 0.012, (side, side, 1)).astype(np.float32)
    return np.asarray(rgb * vignette[..., None] + noise, dtype=np.float32)


def draw_photo(street: Street, rng: np.random.Generator) -> RgbImage:
    """Return the photo, uint8 [side, side, 3]; every part covers the pixels of its label."""
    side = street.side * SUPERSAMPLING
    canvas = Canvas(street.side, SUPERSAMPLING, rgb=np.zeros((side, side, 3), np.float32),
                    height=np.full((side, side), SKY, np.float32))
    for part in street.backdrop:
        _paint(canvas, part, LOOKS["modern"], rng)
    for house in street.houses:
        look = _look(rng, house.style)
        for part in house.parts:
            _paint(canvas, part, look, rng)
    rgb = _camera(_light(canvas.rgb, canvas.height, rng), rng)
    # Halves are rounded up; ``unit_to_levels`` rounds them to even and would change the demo set.
    large = Image.fromarray((np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8))
    small = large.resize((street.side, street.side), Image.Resampling.LANCZOS)
    return np.asarray(small)
