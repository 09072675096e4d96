"""The colours of label maps, found in the maps or given by the user, and classes of pixels."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from metrics.metric_image import MetricImage
from util.files import fault_of

Colours = npt.NDArray[np.uint8]  # [K, 3]
Classes = npt.NDArray[np.intp]  # [H, W], numbers of colours in the palette

MOST_COLOURS = 64  # more colours than this are noise of JPEG: a search finds the labels
FLAT = 12  # levels: about the noise of JPEG inside one label
RADIUS = 28.0  # levels, Euclidean: nearer colours are one label and its noise
SAMPLE = 16384  # at most this many flat pixels of an image
RARE = 2e-4  # share of the flat pixels: a smaller label counts as noise
# JPEG with coarse colour adds a rim to the edge of a label: near its colour, and much rarer.
ECHO_RADIUS = 50.0  # levels
ECHO_SHARE = 0.03
# Share of flat pixels within TIGHT levels of the mean of their colour: 94 to 99 % in label maps, 36
# to 45 % in photos (measured on facades and cat2dog).
TIGHT = 10.0
TIGHT_SHARE = 0.8


class NoPaletteError(ValueError):
    """The images are not label maps, or the file is not a palette."""


@dataclass(frozen=True, eq=False)
class Palette:
    """``colours``: uint8 [K, 3]; ``names``: the names of the labels, if they are known."""

    colours: Colours
    names: Sequence[str] = ()
    _seen: "WeakKeyDictionary[MetricImage, Classes]" = field(
        default_factory=WeakKeyDictionary, repr=False
    )

    def __len__(self) -> int:
        return len(self.colours)

    def name(self, number: int) -> str:
        """Return the name, or the colour as ``#0030ff``."""
        if self.names:
            return self.names[number]
        return "#{:02x}{:02x}{:02x}".format(*self.colours[number])

    def classes(self, levels: Colours) -> Classes:
        """Return [H, W], the number of the nearest colour for every pixel of uint8 [H, W, 3]."""
        packed, places = np.unique(_packed(levels.reshape(-1, 3)), return_inverse=True)
        different = _unpacked(packed)
        nearest = np.empty(len(different), np.intp)
        for start in range(0, len(different), 65536):  # limits the memory to 65536 x K distances
            part = slice(start, start + 65536)
            nearest[part] = _distances(different[part], self.colours).argmin(axis=1)
        return nearest[places].reshape(levels.shape[:2])

    def classes_of(self, image: MetricImage, levels: Colours) -> Classes:
        """Return ``classes`` of the levels of ``image``, cached for the other metrics."""
        if image not in self._seen:
            self._seen[image] = self.classes(levels)
        return self._seen[image]


def find_palette(label_maps: Iterable[Colours]) -> Palette:
    """Find the colours of label maps, uint8 [H, W, 3] each; the most frequent colour is first.

    JPEG adds noise to a colour and mixes it with its neighbours at edges. So only pixels whose
    neighbours are nearly equal are counted. Starting with the most frequent colour, all colours
    near it are merged with it, and the label gets their mean.

    Raises:
        NoPaletteError: the images are photos, or there are none.
    """
    counts: Counter[int] = Counter()
    different: set[int] = set()
    for levels in label_maps:
        inside = levels[_is_flat(levels)]
        counts.update(_packed(inside[:: 1 + len(inside) // SAMPLE]).tolist())
        if len(different) <= MOST_COLOURS:
            different.update(np.unique(_packed(levels.reshape(-1, 3))).tolist())
    if not different:
        raise NoPaletteError("no label maps to find a palette in")
    if len(different) <= MOST_COLOURS:
        order = sorted(different, key=lambda packed: (-counts[packed], packed))
        return Palette(_unpacked(np.array(order)))
    return _cluster(counts)


def _cluster(counts: Counter[int]) -> Palette:
    packed = np.array(sorted(counts), np.int64)
    colours, weights = _unpacked(packed), np.array([counts[key] for key in packed.tolist()])
    left = np.ones(len(colours), bool)
    clusters: list[tuple[int, npt.NDArray[np.float64]]] = []  # count, mean
    tight = 0
    while left.any() and len(clusters) <= MOST_COLOURS:
        peak = colours[np.where(left, weights, 0).argmax()]
        near = left & (_distances(colours, peak[None])[:, 0] <= RADIUS**2)
        left &= ~near
        count = int(weights[near].sum())
        if count >= RARE * weights.sum():
            centre = np.average(colours[near], axis=0, weights=weights[near])
            clusters.append((count, centre))
            off = np.square(colours[near] - centre).sum(axis=1)
            tight += int(weights[near][off <= TIGHT**2].sum())
    if not clusters or len(clusters) > MOST_COLOURS or tight < TIGHT_SHARE * weights.sum():
        raise NoPaletteError(f"the images are not label maps: {len(clusters)} colours and their "
                             f"noise explain {tight / max(1, weights.sum()):.0%} of their areas")
    labels = [centre for count, centre in clusters if not any(
        count < ECHO_SHARE * larger and np.linalg.norm(centre - other) <= ECHO_RADIUS
        for larger, other in clusters
    )]
    return Palette(np.array(labels).round().astype(np.uint8))


def read_palette(path: Path) -> Palette:
    """Read a text file with a line ``R G B name`` for each label, or JSON.

    JSON is a list of {"colour": [R, G, B], "name": ...}. Names may be missing in both.

    Raises:
        NoPaletteError: the file does not exist, or has another content.
    """
    if not path.is_file():
        raise NoPaletteError(f"{path} {fault_of(path)}; wanted is a file with the colours of the "
                             "labels")
    try:
        text = path.read_text(encoding="utf-8")
        rows = _json_rows(text) if path.suffix == ".json" else _text_rows(text)
        colours = np.array([colour for colour, _ in rows])
        if len(rows) < 2 or colours.min() < 0 or colours.max() > 255:
            raise ValueError("at least two colours of 0 to 255 are wanted")
        if len(np.unique(colours, axis=0)) < len(colours):
            raise ValueError("two labels have the same colour")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NoPaletteError(f"{path} is not a palette ({error}); wanted is a line R G B NAME for "
                             "every label, such as 0 0 170 background") from error
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
    rows = []
    for entry in json.loads(text):
        red, green, blue = (int(value) for value in entry["colour"])
        rows.append(([red, green, blue], str(entry.get("name", ""))))
    return rows


def _is_flat(levels: Colours) -> npt.NDArray[np.bool_]:
    """Return bool [H, W]: the four neighbours differ by at most ``FLAT`` in every channel."""
    flat = np.ones(levels.shape[:2], bool)
    for axis in (0, 1):
        near = (np.abs(np.diff(levels.astype(np.int16), axis=axis)) <= FLAT).all(axis=2)
        rows = flat.swapaxes(0, axis)  # a view
        rows[1:] &= near.swapaxes(0, axis)
        rows[:-1] &= near.swapaxes(0, axis)
    return flat


def _packed(colours: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    red, green, blue = colours.astype(np.int64).T
    return np.asarray(red << 16 | green << 8 | blue)


def _unpacked(packed: npt.NDArray[np.int64]) -> Colours:
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1).astype(np.uint8)


def _distances(some: npt.NDArray[Any], others: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return [N, K], the squared distances of [N, 3] and [K, 3]."""
    differences = some.astype(np.int64)[:, None] - others.astype(np.int64)[None]
    return np.asarray(np.square(differences).sum(axis=2))
