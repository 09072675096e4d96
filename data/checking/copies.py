"""Find images with the same pixels, within a phase or in several phases."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from data.checking.facts import RowFacts
from data.checking.issue import Entry, Issue, names


def check_copies(rows: Sequence[RowFacts]) -> Iterator[Issue]:
    """Yield rows with the same pixels, then pairs that share only A, or only B.

    Blank images are not counted as copies.
    """
    good = [it for it in rows if it.facts and not all(facts.blank for facts in it.facts)]
    whole = _groups(good, lambda it: (it.row.letters, *(facts.digest for facts in it.facts)))
    yield from _copy_issues(whole, "images", "error")
    for side, letter in enumerate("AB"):
        pairs = [it for it in good if it.row.is_pair and not it.facts[side].blank]
        groups = _groups(pairs, lambda it, side=side: it.facts[side].digest)  # type: ignore[misc]
        partners = [{it.facts[1 - side].digest for it in group} for group in groups]
        partly = [group for group, others in zip(groups, partners, strict=True) if len(others) > 1]
        yield from _copy_issues(partly, f"{letter}, with different partners,", "warning")


def _copy_issues(
    groups: Sequence[Sequence[RowFacts]], what: str, leak: Literal["error", "warning"]
) -> Iterator[Issue]:
    across = [group for group in groups if len({it.row.phase for it in group}) > 1]
    within = [group for group in groups if group not in across]
    if across:
        yield Issue("leak", leak, f"the same {what} in several phases, {_times(across)}: a test on "
                    "training images is worthless; remove one of each",
                    [_copy_entry(group) for group in across])
    if within:
        yield Issue("copies", "warning", f"the same {what} within a phase, {_times(within)}: "
                    "the training sees them more often than the others",
                    [_copy_entry(group) for group in within])


def _times(groups: Sequence[object]) -> str:
    return "once" if len(groups) == 1 else f"{len(groups)} times"


def _groups(rows: Iterable[RowFacts], key: Callable[[RowFacts], object]) -> list[list[RowFacts]]:
    groups: dict[object, list[RowFacts]] = defaultdict(list)
    for it in rows:
        groups[key(it)].append(it)
    return [group for group in groups.values() if len(group) > 1]


def _copy_entry(group: Sequence[RowFacts]) -> Entry:
    return Entry(" = ".join(names(it.row) for it in group),
                 tuple(source for it in group for source in it.row.sources))
