"""Rows and order of the images of a model: input, output, target, others."""

import re
from collections.abc import Sequence

from models.comparison import Comparison

_OUTPUT = re.compile(r"(?i)(fake|out|pred|gen|translated|result)")


def arranged(labels: Sequence[str], comparisons: Sequence[Comparison]) -> list[list[str]]:
    """Return a row of labels for each direction: input, output, target, reconstruction, others.

    An image that is the target of one direction and the input of the other is in both rows. If the
    model's ``comparisons`` name none of the ``labels``, their names decide.
    """
    known = [compared for compared in comparisons if {compared.given, compared.made} <= {*labels}]
    if not known:
        return _by_names(labels)
    rows = [[*dict.fromkeys(label for label in (it.given, it.made, it.target, it.back)
                            if label in labels)] for it in known]
    named = {label for row in rows for label in row}
    row = rows[0]
    for label in labels:  # other images belong to the direction whose input precedes them
        row = next((own for own in rows if own[0] == label), row)
        if label not in named:
            row.append(label)
    return rows


def _by_names(labels: Sequence[str]) -> list[list[str]]:
    rows: list[list[str]] = [[]]
    for label, following in zip(labels, [*labels[1:], ""], strict=True):
        begins = not _OUTPUT.match(label) and _OUTPUT.match(following)
        if begins and any(map(_OUTPUT.match, rows[-1])):
            rows.append([])  # the input of another direction
        rows[-1].append(label)
    return [_in_order(row) for row in rows]


def _in_order(row: Sequence[str]) -> list[str]:
    """Return input, outputs, and then all others."""
    outputs = [label for label in row if _OUTPUT.match(label)]
    others = [label for label in row if label not in outputs]
    return [*others[:1], *outputs, *others[1:]]


def legend_of(rows: Sequence[Sequence[str]], comparisons: Sequence[Comparison]) -> str:
    """Return a legend of the labels in ``rows``, and of no others."""
    texts: dict[str, list[str]] = {label: [] for row in rows for label in row}
    for it in comparisons:
        roles = {it.given: "input", it.made: f"output for {it.given}"}
        roles |= {it.target: f"target of {it.made}"} if it.target else {}
        roles |= {it.back: f"{it.made} translated back"} if it.back else {}
        for label, role in roles.items():
            if label in texts and {it.given, it.made} <= texts.keys():
                texts[label].append(role)
    if not any(texts.values()):
        for row in rows:
            outputs = [label for label in row if _OUTPUT.match(label)]
            texts |= {label: ["output"] for label in outputs}
            texts |= {label: ["input"] for label in row[:1] if label not in outputs}
    return "; ".join(f"{label}: {', '.join(roles)}" for label, roles in texts.items() if roles)
