"""One painter per label: it fills the pixels of a part with colour and height.

Heights are in units in front of the wall; photo.py computes light and shadow from them.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from datasets.demo_drawing import materials
from datasets.demo_drawing.canvas import Look, Patch
from datasets.demo_drawing.labels import Array, Mask
from datasets.demo_drawing.materials import Tint, mix, shaded


def _darker(colour: Tint, factor: float) -> Tint:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def paint_wall(patch: Patch, look: Look) -> None:
    patch.fill(look.material(patch.rng, patch.y, patch.x, look.wall), 0)


def paint_trim(patch: Patch, look: Look, *, height: float) -> None:
    grain = patch.rng.normal(1, 0.03, patch.mask.shape).astype(np.float32)
    patch.fill(shaded(look.trim, grain), height)


def paint_cornice(patch: Patch, look: Look) -> None:
    """Paint a moulding in two steps; a tall one has dentils."""
    tall = patch.box[3] - patch.box[1] > 4
    paint_trim(patch, look, height=5 if tall else 2.5)
    if tall:
        low = patch.down() > 0.5
        patch.height[patch.mask & low] = 2
        patch.height[patch.mask & low & (patch.x % 6 < 3)] = 4


def paint_pillar(patch: Patch, look: Look) -> None:
    paint_trim(patch, look, height=1.6)
    patch.height[patch.mask & (patch.y % 9 < 1.2)] = 0


def _glass(patch: Patch) -> Array:
    """Return glass: the mirrored sky above, a dark room below, a slanted gleam."""
    down, along = patch.down(), patch.along()
    depth = np.clip(0.15 + 0.75 * down + 0.10 * along, 0, 1)
    gleam = np.clip(1 - np.abs(along + 0.8 * down - 0.75) / 0.16, 0, 1) * 0.16
    return mix((0.50, 0.64, 0.78), (0.10, 0.14, 0.19), depth) + gleam[..., None]


def _bars(patch: Patch, panes: tuple[int, int], *, thick: float) -> Mask:
    """Return the glazing bars between rows x columns of panes."""
    left, top, right, bottom = patch.box
    high, wide = (bottom - top) / panes[0], (right - left) / panes[1]
    across = np.abs((patch.x - left + wide / 2) % wide - wide / 2) < thick / 2
    level = np.abs((patch.y - top + high / 2) % high - high / 2) < thick / 2
    return np.asarray(across | level)


def paint_window(patch: Patch, look: Look) -> None:
    patch.fill(_glass(patch), -4)
    along, down = patch.along(), patch.down()
    if patch.rng.random() < 0.5:
        folds = 0.86 + 0.08 * np.sin(patch.x * 2.2) + 0 * patch.y
        cloth = shaded((0.95, 0.92, 0.85), 0.5 * folds) + 0.5 * patch.rgb
        drawn = 0.20 + 0.16 * down**2
        patch.fill(cloth, -4, where=np.minimum(along, 1 - along) < drawn)
    thick = 1.6 if patch.box[2] - patch.box[0] > 12 else 1.0
    patch.fill(look.frame, -3, where=_bars(patch, look.panes, thick=0.8 * thick))
    patch.fill(look.frame, -2.5, where=~patch.within(thick))


def paint_door(patch: Patch, look: Look) -> None:
    """Paint two leaves with panels, a fanlight above, a step below."""
    down, along = patch.down(), patch.along()
    grain = patch.rng.normal(1, 0.03, (1, patch.x.size)).astype(np.float32) + 0 * patch.y
    patch.fill(shaded(look.accent, grain), -3)
    leaf = np.abs(along - 0.5) * 2
    panel = (np.abs(leaf - 0.47) < 0.27) & (np.abs((down - 0.27) % 0.23 - 0.115) < 0.08)
    patch.fill(shaded(look.accent, 0.78 * grain), -4, where=panel & (down > 0.27))
    patch.fill(shaded(look.accent, 0.35 * grain), -4, where=(leaf < 0.05))
    fanlight = (down < 0.22) & patch.within(1.5)
    patch.fill(_glass(patch), -4, where=fanlight & (leaf > 0.06))
    knob = (np.abs(leaf - 0.14) < 0.07) & (np.abs(down - 0.62) < 0.025)
    patch.fill((0.85, 0.70, 0.35), -2, where=knob)
    patch.fill((0.70, 0.68, 0.64), 5, where=patch.y > patch.box[3] - 3)


def paint_shop(patch: Patch, look: Look) -> None:
    """Paint a signboard with letters, large panes with goods in warm light, a panelled base."""
    left, _, right, _ = patch.box
    wood = _darker(look.accent, 0.72)
    patch.fill(wood, 1.5)
    pane = patch.mask & (patch.down() > 0.24) & (patch.down() < 0.84)
    count = max(1, round((right - left) / 34))
    post = _bars(patch, (1, count), thick=2.4)
    lamp = np.clip(1.2 - np.abs(patch.down() - 0.62) * 3, 0, 1)
    goods = materials.smooth_noise(patch.rng, *patch.mask.shape,
                                   cells=(6, max(3, int(right - left) // 5)))
    warm = mix((0.16, 0.15, 0.16), (0.86, 0.66, 0.38), np.clip(lamp * (0.5 + 0.35 * goods), 0, 1))
    patch.fill(0.75 * warm + 0.25 * _glass(patch), -3, where=pane & ~post & patch.within(2))
    panel = (patch.down() > 0.88) & ~_bars(patch, (1, count), thick=5) & patch.within(1.2)
    patch.fill(_darker(wood, 0.8), 0.7, where=panel)
    letters = patch.rng.random(64)[(patch.x / 2).astype(int) % 64] < 0.62
    board = (np.abs(patch.down() - 0.11) < 0.045) & (np.abs(patch.along() - 0.5) < 0.3)
    patch.fill((0.93, 0.86, 0.62), 1.8, where=board & letters & (patch.x % 4 > 1))


def paint_awning(patch: Patch, look: Look) -> None:
    """Paint striped cloth that slopes forward, with a scalloped valance."""
    stripe = patch.x // 7 % 2 == 0
    cloth = np.where(stripe[..., None], look.accent, (0.94, 0.91, 0.84))
    down = patch.down()
    shade = np.where(down < 0.78, 1.06 - 0.10 * down, 0.86)
    patch.fill(cloth * shade[..., None], 2 + 6 * np.minimum(down, 0.78))


def paint_balcony(patch: Patch, look: Look) -> None:
    """Paint iron bars over the pixels behind them, a rail, and a slab."""
    down = patch.down()
    slab = patch.y > patch.box[3] - 4
    iron = (0.13, 0.14, 0.16)
    left = patch.box[0]
    bars = ((patch.x - left) % 3.5 < 1.1) | (np.abs(down - 0.62) < 0.035)
    patch.rgb[patch.mask] *= 0.86
    patch.fill(iron, 7, where=bars & (down > 0.05))
    patch.fill(iron, 8, where=(down < 0.13) | (np.abs(patch.along() - 0.5) > 0.49))
    patch.fill(look.trim, 7, where=slab)


def paint_shutter(patch: Patch, look: Look) -> None:
    slat = 0.82 + 0.22 * (patch.y % 2.6 < 1.4) + 0 * patch.x
    patch.fill(shaded(look.accent, slat), 1.2)
    frame = ~patch.within(1.1) | (np.abs(patch.down() - 0.5) < 0.03)
    patch.fill(look.accent, 1.8, where=frame)


def paint_roof(patch: Patch, look: Look) -> None:
    patch.fill(look.roofing(patch.rng, patch.y, patch.x, look.roof), -3)
    patch.fill(_darker(look.roof, 0.75), -1, where=patch.y < patch.box[1] + 2)


def paint_chimney(patch: Patch, _look: Look) -> None:
    patch.fill(materials.brick(patch.rng, patch.y, patch.x, (0.52, 0.30, 0.24)), -1)
    patch.fill((0.62, 0.58, 0.54), 1, where=patch.y < patch.box[1] + 3)


def paint_plant(patch: Patch, _look: Look) -> None:
    """Paint a bush, or a flower box if the part is flat."""
    green = materials.leaves(patch.rng, patch.y, patch.x, (0.27, 0.43, 0.18))
    down = patch.down()
    if patch.part.head != "flat":
        patch.fill(green * (1.15 - 0.45 * down)[..., None], 3)
        return
    patch.fill(green, 3)
    blossom = patch.rng.random(patch.mask.shape) < 0.45
    patch.fill((0.95, 0.30, 0.38), 4, where=blossom & (down < 0.7))
    patch.fill((0.50, 0.28, 0.18), 3.5, where=down > 0.72)


def paint_sky(patch: Patch, look: Look) -> None:
    patch.fill(materials.sky(patch.rng, patch.y, patch.x, look.wall), -99)


def paint_pavement(patch: Patch, look: Look) -> None:
    patch.fill(materials.pavement(patch.rng, patch.y, patch.x, look.wall), 0)


PAINTERS: dict[str, Callable[[Patch, Look], None]] = {
    "sky": paint_sky, "pavement": paint_pavement, "wall": paint_wall, "window": paint_window,
    "door": paint_door, "cornice": paint_cornice, "sill": partial(paint_trim, height=2.5),
    "balcony": paint_balcony, "shutter": paint_shutter,
    "decoration": partial(paint_trim, height=1.5), "roof": paint_roof, "pillar": paint_pillar,
    "shop": paint_shop, "chimney": paint_chimney, "awning": paint_awning, "plant": paint_plant,
}
