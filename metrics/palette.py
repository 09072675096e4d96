"""The colours of label maps: found in the maps themselves, or given; and pixels named by them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from metrics.picture import Picture

Colours = npt.NDArray[np.uint8]  # [K, 3]
Classes = npt.NDArray[np.intp]  # [H, W], numbers of colours in the palette

MOST_COLOURS = 64  # so many in all need no search; more labels no person draws
FLAT = 12  # levels: JPEG leaves about so much inside one label
RADIUS = 28.0  # levels, Euclidean: colours so near are one label and its noise
SAMPLE = 16384  # flat pixels of a picture, at most
RARE = 2e-4  # of the flat pixels: a label that is smaller is taken for noise
ECHO_RADIUS = 50.0  # levels: where JPEG stores colour more coarsely than light, a label's edge has
ECHO_SHARE = 0.03  # a rim that is so near it, and so rare beside it
TIGHT = 10.0  # levels: 94 to 99 % of a label map's flat pixels lie so near their colour's mean,
TIGHT_SHARE = 0.8  # and 36 to 45 % of a photo's (measured on facades and cat2dog)


class NoPaletteError(ValueError):
    """Pictures that are no label maps, or a file that is no palette."""


@dataclass(frozen=True, eq=False)
class Palette:
    """``colours``: uint8 [K, 3]; ``names``: what they mean, where that is known."""

    colours: Colours
    names: Sequence[str] = ()
    _seen: "WeakKeyDictionary[Picture, Classes]" = field(
        default_factory=WeakKeyDictionary, repr=False
    )

    def __len__(self) -> int:
        return len(self.colours)

    def name(self, number: int) -> str:
        """The given name, or the colour as ``#0030ff``."""
        if self.names:
            return self.names[number]
        return "#{:02x}{:02x}{:02x}".format(*self.colours[number])

    def classes(self, levels: Colours) -> Classes:
        """uint8 [H, W, 3] -> [H, W], for every pixel the number of the nearest colour."""
        packed, places = np.unique(_packed(levels.reshape(-1, 3)), return_inverse=True)
        different = _unpacked(packed)
        nearest = np.empty(len(different), np.intp)
        for start in range(0, len(different), 65536):  # bounds the memory to 65536 x K distances
            part = slice(start, start + 65536)
            nearest[part] = _distances(different[part], self.colours).argmin(axis=1)
        return nearest[places].reshape(levels.shape[:2])

    def classes_of(self, picture: Picture, levels: Colours) -> Classes:
        """``classes`` of a picture's levels, remembered: several metrics ask for the same."""
        if picture not in self._seen:
            self._seen[picture] = self.classes(levels)
        return self._seen[picture]


def find_palette(pictures: Iterable[Colours]) -> Palette:
    """The colours of label maps, uint8 [H, W, 3] each, the most frequent first.

    JPEG surrounds a colour with noise and mixes it with its neighbours at edges. So only pixels
    whose neighbours are nearly equal are counted; from the most frequent colour on, each takes
    those near it for its own, and becomes their mean.

    Raises:
        NoPaletteError: the pictures are photos, or there are none.
    """
    counts: dict[int, int] = {}
    every: set[int] = set()
    for levels in pictures:
        inside = levels[_is_flat(levels)]
        inside = inside[:: 1 + len(inside) // SAMPLE]
        for packed, count in zip(*np.unique(_packed(inside), return_counts=True), strict=True):
            counts[int(packed)] = counts.get(int(packed), 0) + int(count)
        if len(every) <= MOST_COLOURS:
            every.update(np.unique(_packed(levels.reshape(-1, 3))).tolist())
    if not every:
        raise NoPaletteError("no label maps to find a palette in")
    if len(every) <= MOST_COLOURS:
        order = sorted(every, key=lambda packed: (-counts.get(packed, 0), packed))
        return Palette(_unpacked(np.array(order)))
    return _cluster(counts)


def _cluster(counts: dict[int, int]) -> Palette:
    packed = np.array(sorted(counts), np.int64)
    colours, weights = _unpacked(packed), np.array([counts[key] for key in packed.tolist()])
    left = np.ones(len(colours), bool)
    found: list[tuple[int, npt.NDArray[np.float64]]] = []  # mass, mean
    tight = 0
    while left.any() and len(found) <= MOST_COLOURS:
        peak = colours[np.where(left, weights, 0).argmax()]
        near = left & (_distances(colours, peak[None])[:, 0] <= RADIUS**2)
        left &= ~near
        mass = int(weights[near].sum())
        if mass >= RARE * weights.sum():
            centre = np.average(colours[near], axis=0, weights=weights[near])
            found.append((mass, centre))
            off = np.square(colours[near] - centre).sum(axis=1)
            tight += int(weights[near][off <= TIGHT**2].sum())
    if not found or len(found) > MOST_COLOURS or tight < TIGHT_SHARE * weights.sum():
        raise NoPaletteError(
            f"the pictures are no label maps: {len(found)} colours and their noise explain "
            f"{tight / max(1, weights.sum()):.0%} of their areas"
        )
    labels = [centre for mass, centre in found if not any(
        mass < ECHO_SHARE * larger and np.linalg.norm(centre - other) <= ECHO_RADIUS
        for larger, other in found
    )]
    return Palette(np.array(labels).round().astype(np.uint8))


def read_palette(path: Path) -> Palette:
    """A text file with a line ``R G B name`` for each label, or JSON: [{"colour": [R, G, B],
    "name": ...}]. Names may be missing.

    Raises:
        NoPaletteError: anything else.
    """
    if not path.is_file():
        raise NoPaletteError(f"{path} is no file; wanted is one with the colours of the labels")
    try:
        text = path.read_text(encoding="utf-8")
        rows = _json_rows(text) if path.suffix == ".json" else _text_rows(text)
        colours = np.array([colour for colour, _ in rows])
        if len(rows) < 2 or colours.min() < 0 or colours.max() > 255:
            raise ValueError("at least two colours of 0 to 255 are wanted")
        if len(np.unique(colours, axis=0)) < len(colours):
            raise ValueError("a colour stands there twice")
    except (ValueError, KeyError, TypeError) as error:
        raise NoPaletteError(
            f"{path} is no palette ({error}); wanted is a line R G B NAME for every label, such as "
            "0 0 170 background"
        ) from error
    names = [name for _, name in rows]
    return Palette(colours.astype(np.uint8), names if all(names) else ())


def _text_rows(text: str) -> list[tuple[list[int], str]]:
    rows = []
    for line in text.splitlines():
        words = line.replace(",", " ").split(maxsplit=3)
        if words and not words[0].startswith("#"):
            if len(words) < 3:
                raise ValueError(f"line {line!r}")
            rows.append(([int(word) for word in words[:3]], "".join(words[3:])))
    return rows


def _json_rows(text: str) -> list[tuple[list[int], str]]:
    entries: list[dict[str, Any]] = json.loads(text)
    rows = []
    for entry in entries:
        red, green, blue = (int(value) for value in entry["colour"])
        rows.append(([red, green, blue], str(entry.get("name", ""))))
    return rows


def _is_flat(levels: Colours) -> npt.NDArray[np.bool_]:
    """[H, W]: whether the four neighbours differ by at most ``FLAT`` levels in every channel."""
    signed = levels.astype(np.int16)
    flat = np.ones(levels.shape[:2], bool)
    down = (np.abs(np.diff(signed, axis=0)) <= FLAT).all(axis=2)
    across = (np.abs(np.diff(signed, axis=1)) <= FLAT).all(axis=2)
    flat[1:] &= down
    flat[:-1] &= down
    flat[:, 1:] &= across
    flat[:, :-1] &= across
    return flat


def _packed(colours: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    red, green, blue = colours.astype(np.int64).T
    packed: npt.NDArray[np.int64] = red << 16 | green << 8 | blue
    return packed


def _unpacked(packed: npt.NDArray[np.int64]) -> Colours:
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1).astype(np.uint8)


def _distances(some: npt.NDArray[Any], others: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """[N, 3], [K, 3] -> [N, K], squared."""
    squares: npt.NDArray[np.int64] = np.square(
        some.astype(np.int64)[:, None] - others.astype(np.int64)[None]
    ).sum(axis=2)
    return squares
