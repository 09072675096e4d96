"""Which losses share a chart, and how each loss is drawn everywhere."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from display.curves import OTHER_VALUES, Curves, Series
from display.reports import is_value

_SPAN = 10  # largest size of a chart over its smallest: a larger one would flatten the small losses
_LOG_SPAN = 30  # a curve that changes more than this is drawn on a logarithmic axis
# The first that matches a name is its kind. The names of the published models follow these
# conventions; a loss with another name is grouped by its size alone.
_KINDS = {
    "GAN losses of G": r"(loss_)?G(_A|_B|_GAN\w*)?$",
    "losses of D": r"(loss_)?D(_|$)",
    "L1, cycle and identity losses": r"(?i).*(l1|l2|mse|cycle|idt|identity|rec)",
    "other losses": "",
}
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
_DASHES = ("solid", "dash", "dot", "dashdot")  # names of visdom
# Models whose losses have the same colours in every run, also if a run has only some of them.
_PUBLISHED = (("G_GAN", "G_L1", "D_real", "D_fake", "D_GP"),
              ("G_A", "cycle_A", "D_A", "idt_A", "G_B", "cycle_B", "D_B", "idt_B"))


@dataclass(frozen=True)
class Chart:
    """Losses, or validation values, that are drawn together.

    ``broken``: positions of values that were not finite. ``is_log``: the values are positive and
    span orders of magnitude.
    """

    title: str
    epochs: Series
    values: Mapping[str, Series]
    broken: Mapping[str, Series]
    is_log: bool = False


@dataclass(frozen=True)
class LineStyle:
    colour: str
    dash: str  # one of _DASHES


def split_columns(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the losses and the values of validations among the columns of a losses.csv."""
    shown = [name for name in names if name not in OTHER_VALUES]
    values = [name for name in shown if is_value(name)]
    return [name for name in shown if name not in values], values


def charts(curves: Curves, names: Sequence[str]) -> list[Chart]:
    """Return charts of the losses and validation values ``names``, by kind and then by size."""
    found = []
    for part in split_columns(names):
        known = curves.known(*part)
        epochs, values = known.thinned()
        broken = known.broken()
        kinds: dict[str, dict[str, Series]] = {title: {} for title in (*_KINDS, "validation")}
        for name in part:
            kinds[_kind(name)][name] = values[name]
        for title, members in kinds.items():
            for group in split_by_size(members):
                own = {name: values[name] for name in group}
                found.append(Chart(title, epochs, own, {n: broken[n] for n in group if n in broken},
                                   _is_log([*own.values()])))
    return found


def _kind(name: str) -> str:
    if is_value(name):
        return "validation"
    return next(title for title, pattern in _KINDS.items() if re.match(pattern, name))


def split_by_size(losses: Mapping[str, Series]) -> list[list[str]]:
    """Return groups of names, the largest losses first. Within a group, sizes differ by 10x at
    most; losses that are always 0 join the last group.
    """
    sizes = {}
    for name, values in losses.items():
        known = np.abs(values[np.isfinite(values)])
        sizes[name] = float(np.median(known)) if known.size else 0.0
    groups: list[list[str]] = []
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if not groups or 0 < sizes[name] * _SPAN < sizes[groups[-1][0]]:
            groups.append([])
        groups[-1].append(name)
    return [[name for name in losses if name in group] for group in groups]


def _is_log(curves: Sequence[Series]) -> bool:
    known = np.concatenate([values[np.isfinite(values)] for values in curves])
    if known.size < 2 or known.min() <= 0:
        return False
    low, high = np.quantile(known, (0.02, 0.98))
    return bool(high > _LOG_SPAN * low)


def line_styles(names: Iterable[str]) -> dict[str, LineStyle]:
    """Return a style for each name: 7 colours that colour-blind readers distinguish, 4 dashes."""
    listed = [name for name in names if name not in OTHER_VALUES]
    places = {name: model.index(name) for name in listed for model in _PUBLISHED if name in model}
    free = (place for place in range(len(listed) + len(places) + max(map(len, _PUBLISHED)))
            if place not in places.values())
    places |= {name: next(free) for name in listed if name not in places}
    return {name: LineStyle(_COLOURS[place % len(_COLOURS)],
                            _DASHES[place // len(_COLOURS) % len(_DASHES)])
            for name, place in places.items()}
