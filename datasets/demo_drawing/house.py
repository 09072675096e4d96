"""Compose a demo house of parts; all lengths are whole label pixels."""

from dataclasses import dataclass, field, replace

import numpy as np

from datasets.demo_drawing.labels import Part
from datasets.demo_drawing.styles import Style


@dataclass(kw_only=True)
class Draft:
    """A house while it is composed: its axes, its floor lines and the parts so far."""

    style: Style
    rng: np.random.Generator
    side: int
    left: int
    right: int
    base: int
    storey: float  # height of an upper storey
    floors: int
    columns: int
    parts: list[Part] = field(default_factory=list)

    @property
    def pitch(self) -> float:
        return (self.right - self.left) / (self.columns + 0.3)

    def axis(self, column: int) -> float:
        return self.left + self.pitch * (column + 0.65)

    def floor_line(self, floor: int) -> int:
        """Return y of the lower edge of a storey; the ground floor (0) is a fifth higher."""
        return self.base - round(self.storey * (floor + 0.2) if floor else 0)

    @property
    def eaves(self) -> int:
        return self.floor_line(self.floors)

    def thin(self, share: float) -> int:
        """Return a share of the image's side, at least one pixel."""
        return max(1, round(share * self.side))

    def add(self, label: str, box: tuple[float, float, float, float]) -> None:
        left, top, right, bottom = (round(edge) for edge in box)
        self.parts.append(Part(label, left, top, right, bottom))

    def bend_last(self, head: str, rise: float) -> None:
        self.parts[-1] = replace(self.parts[-1], head=head, rise=round(rise))


def _roof(draft: Draft) -> None:
    left, right, eaves = draft.left, draft.right, draft.eaves
    if draft.style.roof == "parapet":
        return
    tall = draft.storey * (0.85 if draft.style.roof == "mansard" else 0.55)
    for end in (left + 0.14 * (right - left), right - 0.22 * (right - left)):
        if draft.rng.random() < 0.6:
            draft.add("chimney", (end, eaves - tall * 1.3, end + draft.storey * 0.3, eaves))
    draft.add("roof", (left, eaves - tall, right, eaves))
    draft.bend_last("slope", tall * (0.15 if draft.style.roof == "mansard" else 0.6))
    wide = draft.pitch * 0.48
    first = 0 if draft.style.roof == "mansard" else 1
    if first and draft.rng.random() < 0.5:
        return
    for column in range(first, draft.columns - first, 1 + first):
        middle = draft.axis(column)
        top = eaves - tall * (0.86 if first == 0 else 0.72)
        draft.add("decoration", (middle - wide / 2, top, middle + wide / 2, eaves))
        draft.bend_last("gable", wide * 0.38)
        half = wide * 0.3
        draft.add("window", (middle - half, top + wide * 0.45, middle + half, eaves - 1))


def _shell(draft: Draft) -> None:
    left, right, eaves = draft.left, draft.right, draft.eaves
    cornice = draft.thin(0.024)
    top = eaves - cornice * 2 if draft.style.roof == "parapet" else eaves
    draft.add("wall", (left, top, right, draft.base))
    if draft.style.quoins:
        wide = draft.thin(0.026)
        draft.add("pillar", (left, eaves, left + wide, draft.base))
        draft.add("pillar", (right - wide, eaves, right, draft.base))
    thin = draft.thin(0.012)
    for floor in range(1, draft.floors if draft.style.courses else 2):
        line = draft.floor_line(floor)
        draft.add("cornice", (left, line - thin, right, line))
    if draft.style.roof == "parapet":
        draft.add("cornice", (left, top - thin, right, top))
    draft.add("cornice", (left - 1, eaves, right + 1, eaves + cornice))


def _window(draft: Draft, column: int, floor: int, *, balcony: bool) -> None:
    style, middle = draft.style, draft.axis(column)
    half = max(1.5, style.window[0] * draft.pitch / 2)
    tall = style.window[1] * draft.storey
    line, thin = draft.floor_line(floor), draft.thin(0.014)
    bottom = line - draft.storey * (0.16 if floor else 0.26)
    top = bottom - tall
    if balcony:
        bottom = line - thin
    draft.add("window", (middle - half, top, middle + half, bottom))
    if style.arch:
        draft.bend_last("arch", half * style.arch)
    if style.lintels:
        draft.add("decoration", (middle - half - 1, top - 1.6 * thin, middle + half + 1, top))
    if style.shutters:
        wide = half * 0.9
        draft.add("shutter", (middle - half - wide, top, middle - half, bottom))
        draft.add("shutter", (middle + half, top, middle + half + wide, bottom))
    if balcony:
        return
    draft.add("sill", (middle - half - 1, bottom, middle + half + 1, bottom + thin))
    if draft.rng.random() < style.flowers:
        draft.add("plant", (middle - half, bottom - 2 * thin, middle + half, bottom + 1))


def _balcony(draft: Draft, left: float, right: float, *, floor: int) -> None:
    line = draft.floor_line(floor)
    draft.add("balcony", (left, line - draft.storey * 0.3, right, line + draft.thin(0.012)))


def _upper_floors(draft: Draft) -> None:
    pattern = str(draft.rng.choice(draft.style.balconies))
    middle = (draft.columns - 1) // 2
    row = int(draft.rng.integers(1, draft.floors))
    half = draft.style.window[0] * draft.pitch / 2 + draft.thin(0.024)
    for floor in range(1, draft.floors):
        chosen = {"none": set[int](),
                  "middle": {middle, draft.columns - 1 - middle},
                  "row": set(range(draft.columns)) if floor == row else set[int](),
                  "all": set(range(draft.columns))}[pattern]
        for column in range(draft.columns):
            _window(draft, column, floor, balcony=column in chosen)
        if pattern == "row" and chosen:
            _balcony(draft, draft.left + 1, draft.right - 1, floor=floor)
        elif pattern == "middle":
            left, right = draft.axis(min(chosen)) - half, draft.axis(max(chosen)) + half
            _balcony(draft, left, right, floor=floor)
        else:
            for column in chosen:
                _balcony(draft, draft.axis(column) - half, draft.axis(column) + half, floor=floor)


def _door(draft: Draft, column: int) -> None:
    half = min(draft.pitch * 0.3, draft.storey * 0.24)
    middle, top = draft.axis(column), draft.base - draft.storey * 0.92
    jamb = draft.thin(0.014)
    draft.add("decoration", (middle - half - jamb, top - jamb, middle + half + jamb, draft.base))
    draft.add("door", (middle - half, top, middle + half, draft.base))
    if draft.style.arch == 1:
        draft.parts[-2] = replace(draft.parts[-2], head="arch", rise=round(half))
        draft.bend_last("arch", half)


def _ground_floor(draft: Draft) -> None:
    door = int(draft.rng.integers(draft.columns))
    shop = draft.rng.random() < draft.style.shop
    awning = draft.rng.random() < 0.6
    for column in range(draft.columns):
        if column != door and not shop:
            _window(draft, column, 0, balcony=False)
    spans = ((0, door), (door + 1, draft.columns)) if shop else ()
    for first, last in spans:
        if first == last:
            continue
        left = draft.axis(first) - draft.pitch * 0.44
        right = draft.axis(last - 1) + draft.pitch * 0.44
        top = draft.base - draft.storey * 1.06
        draft.add("shop", (left, top, right, draft.base))
        if awning:
            low = top + draft.storey * 0.5
            draft.add("awning", (left - 1, top + draft.storey * 0.2, right + 1, low))
    _door(draft, door)


def compose(draft: Draft) -> tuple[Part, ...]:
    """Return the parts of roof, walls, storeys and ground floor in the order of painting."""
    for stage in (_roof, _shell, _upper_floors, _ground_floor):
        stage(draft)
    return tuple(draft.parts)
