"""Procedural materials: colours, float32 [h, w, 3] in 0..1, for points given in units.

A unit is 1/256 of the image's side, so a brick has the same size at every resolution.
``y`` is float32 [h, 1], ``x`` is float32 [1, w]; both count from the upper left of the image.
"""

import numpy as np
from PIL import Image

from datasets.demo_drawing.labels import Array

Tint = tuple[float, float, float]


def smooth_noise(
    rng: np.random.Generator, height: int, width: int, *, cells: tuple[int, int]
) -> Array:
    """Return smooth noise around 0, float32 [height, width], of cells[0] x cells[1] cells."""
    coarse = rng.normal(0, 1, cells).astype(np.float32)
    fine = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(fine, dtype=np.float32)


def shaded(colour: Tint, light: Array) -> Array:
    """Multiply one colour by light [h, w]; return [h, w, 3]."""
    return light[..., None] * np.asarray(colour, np.float32)


def mix(first: Tint, second: Tint, share: Array) -> Array:
    """Mix two colours, the first for share 0, the second for 1; share [h, w] -> [h, w, 3]."""
    return shaded(first, 1 - share) + shaded(second, share)


def _blocks(
    rng: np.random.Generator, y: Array, x: Array, *, size: tuple[float, float], spread: float
) -> tuple[Array, Array]:
    """Return the brightness of blocks in running bond, around 1, and a mask of the joints.

    ``size`` is height and width of a block.
    """
    height, width = size
    row = np.floor(y / height)
    along = x + np.where(row % 2 == 1, width / 2, 0)
    tones = rng.normal(1, spread, (64, 64)).astype(np.float32)
    tone = tones[row.astype(int) % 64, np.floor(along / width).astype(int) % 64]
    joint = (y % height < 0.8) | (along % width < 0.8)
    return tone, joint.astype(np.float32)


def _weathered(rng: np.random.Generator, y: Array, x: Array, *, strength: float) -> Array:
    """Return stains and rain streaks as a brightness around 1, [h, w]."""
    shape = (y.size, x.size)
    stains = smooth_noise(rng, *shape, cells=(7, 7))
    streaks = smooth_noise(rng, *shape, cells=(3, 48))
    return 1 + strength * (stains + 0.6 * streaks)


def brick(rng: np.random.Generator, y: Array, x: Array, colour: Tint) -> Array:
    tone, joint = _blocks(rng, y, x, size=(3.4, 8), spread=0.11)
    tone *= _weathered(rng, y, x, strength=0.03)
    mortar = (0.55 * colour[0] + 0.34, 0.55 * colour[1] + 0.32, 0.55 * colour[2] + 0.29)
    return mix(colour, mortar, 0.75 * joint) * tone[..., None]


def stone(rng: np.random.Generator, y: Array, x: Array, colour: Tint) -> Array:
    tone, joint = _blocks(rng, y, x, size=(11, 26), spread=0.035)
    tone *= _weathered(rng, y, x, strength=0.02) * (1 - 0.20 * joint)
    return shaded(colour, tone)


def plaster(rng: np.random.Generator, y: Array, x: Array, colour: Tint) -> Array:
    grain = rng.normal(0, 0.018, (y.size, x.size)).astype(np.float32)
    damp = np.clip((y - 215) / 30, 0, 1) * 0.13
    tone = _weathered(rng, y, x, strength=0.028) + grain - damp
    return shaded(colour, tone)


def roof_tiles(rng: np.random.Generator, y: Array, x: Array, colour: Tint) -> Array:
    """Return rows of overlapping roof tiles, each row dark at its lower edge."""
    tone, _ = _blocks(rng, y, x, size=(4.5, 5), spread=0.10)
    row = np.floor(y / 4.5)
    along = (x + np.where(row % 2 == 1, 2.5, 0)) % 5 / 5
    shape = 0.80 + 0.30 * np.sin(np.pi * along) - 0.22 * (y % 4.5 > 3.2)
    weather = _weathered(rng, y, x, strength=0.04)
    return shaded(colour, tone * shape * weather)


def slate(rng: np.random.Generator, y: Array, x: Array, colour: Tint) -> Array:
    tone, joint = _blocks(rng, y, x, size=(5, 6), spread=0.09)
    tone *= (1 - 0.28 * joint) * _weathered(rng, y, x, strength=0.03)
    return shaded(colour, tone)


def sky(rng: np.random.Generator, y: Array, x: Array, _colour: Tint) -> Array:
    """Return a sky that is deep blue above and pale at the horizon, with flat clouds."""
    shape = (y.size, x.size)
    air = mix((0.36, 0.56, 0.83), (0.80, 0.87, 0.92), np.clip(y / 235, 0, 1) + 0 * x)
    puffs = np.zeros(shape, np.float32)
    for octave in range(4):
        cells = (3 * 2**octave, 2 * 2**octave)
        puffs += smooth_noise(rng, *shape, cells=cells) / 1.8**octave
    cloud = np.clip(0.55 * puffs - 0.25, 0, 0.85)
    air *= 1 - cloud[..., None]
    return air + shaded((0.97, 0.97, 0.96), cloud)


def pavement(rng: np.random.Generator, y: Array, x: Array, _colour: Tint) -> Array:
    """Return slabs in perspective, a kerb and asphalt, from 92.5 % of the height down."""
    depth = (y - 236) / 20
    slab = ((x - 128) / (1 + 0.9 * depth)) % 22 < 1
    line = (np.abs(depth - 0.22) < 0.03) | slab
    stones = shaded((0.66, 0.64, 0.61), 1 - 0.22 * line)
    ground = np.where(depth[..., None] < 0.55, stones, (0.80, 0.79, 0.76))
    ground = np.where(depth[..., None] < 0.72, ground, (0.30, 0.30, 0.32))
    return ground * rng.normal(1, 0.05, (y.size, x.size, 1))


def leaves(rng: np.random.Generator, y: Array, x: Array, colour: Tint) -> Array:
    """Return foliage with tufts of two sizes."""
    height, width = y.size, x.size
    light = np.ones((height, width), np.float32)
    for size, strength in ((9, 0.16), (3, 0.20)):
        cells = (max(2, height // size), max(2, width // size))
        light += strength * smooth_noise(rng, height, width, cells=cells)
    return shaded(colour, np.clip(light, 0.4, 1.7))
