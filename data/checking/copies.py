"""The same pixels twice: within a phase, or in the training and in its test."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from data.checking.facts import RowFacts
from data.checking.issue import Entry, Issue, names, times


def copies(rows: Sequence[RowFacts]) -> Iterator[Issue]:
    """Rows with the same pixels; then pairs that have only A, or only B, in common.

    Blank images are alike without being copies.
    """
    good = [it for it in rows if it.facts and not all(facts.blank for facts in it.facts)]
    whole = _groups(good, lambda it: (it.row.letters, *(facts.digest for facts in it.facts)))
    yield from _copy_findings(whole, "images", "error")
    for place, letter in enumerate("AB"):
        pairs = [it for it in good if it.row.is_pair and not it.facts[place].blank]
        groups = _groups(pairs, lambda it, place=place: it.facts[place].digest)  # type: ignore[misc]
        partners = [{it.facts[1 - place].digest for it in group} for group in groups]
        partly = [group for group, others in zip(groups, partners, strict=True) if len(others) > 1]
        yield from _copy_findings(partly, f"{letter}, with different partners,", "warning")


def _copy_findings(
    groups: Sequence[Sequence[RowFacts]], what: str, leak: Literal["error", "warning"]
) -> Iterator[Issue]:
    across = [group for group in groups if len({it.row.phase for it in group}) > 1]
    within = [group for group in groups if group not in across]
    if across:
        yield Issue("leak", leak, f"the same {what} in several phases, {times(across)}: a "
                      "test of what was trained on tells nothing; remove one of each",
                      [_copy_entry(group) for group in across])
    if within:
        yield Issue("copies", "warning", f"the same {what} within a phase, {times(within)}: "
                      "they are seen more often than the others",
                      [_copy_entry(group) for group in within])


def _groups(
    rows: Iterable[RowFacts], key: Callable[[RowFacts], object]
) -> list[list[RowFacts]]:
    found: dict[object, list[RowFacts]] = defaultdict(list)
    for it in rows:
        found[key(it)].append(it)
    return [group for group in found.values() if len(group) > 1]


def _copy_entry(group: Sequence[RowFacts]) -> Entry:
    return Entry(" = ".join(names(it.row) for it in group),
                 tuple(source for it in group for source in it.row.sources))
