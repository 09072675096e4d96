"""Find what is wrong with a set: one function for each kind of issue.

Errors are issues that a training refuses or that make its test worthless. Warnings are for a person
to look at.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from data.checking.copies import check_copies
from data.checking.facts import Facts, RowFacts, same_size
from data.checking.issue import Entry, Issue, names
from data.checking.layout import Layout, SourceRow
from data.checking.measures import Shift
from data.checking.suspicion import misaligned, swapped
from data.checking.value_ranges import range_faults
from data.files.source import Source
from data.files.value_range import ValueRange
from util.text import pluralise

Ranges = Mapping[str, ValueRange | None]  # by side


def find_all(
    layout: Layout, rows: Sequence[RowFacts], ranges: Ranges, *, alone: Sequence[RowFacts] = (),
    missing_allowed: bool = False
) -> list[Issue]:
    """Return all issues, errors first.

    ``alone``: images without a partner, only read. ``missing_allowed``: see ``check_missing``.
    """
    checks: list[Callable[[Sequence[RowFacts]], Iterable[Issue]]] = [
        lambda rows: check_readable(rows, alone), lambda rows: check_values(rows, ranges),
        lambda rows: check_missing(rows, allowed=missing_allowed),
        check_pair_sizes, check_kinds, check_copies, check_blank, check_alignment,
    ]
    issues = [Issue("without partner", "error", fault) for fault in layout.faults]
    issues += [issue for check in checks for issue in check(rows)]
    return sorted(issues, key=lambda issue: issue.level != "error")


def by_side(rows: Iterable[RowFacts]) -> dict[str, list[tuple[SourceRow, Source, Facts]]]:
    sides: dict[str, list[tuple[SourceRow, Source, Facts]]] = {}
    for it in rows:
        if not it.facts:  # unreadable
            continue
        for letter, source, facts in zip(it.row.letters, it.row.sources, it.facts, strict=True):
            sides.setdefault(letter, []).append((it.row, source, facts))
    return sides


def check_readable(rows: Sequence[RowFacts], alone: Sequence[RowFacts]) -> Iterator[Issue]:
    parts = [[Entry(it.fault, ()) for it in some if it.fault] for some in (rows, alone)]
    counts = [_of(parts[0], rows), f"{_of(parts[1], alone)} without a partner"]
    what = " and ".join(count for count, bad in zip(counts, parts, strict=True) if bad)
    if what:
        some_left = len(parts[0]) < len(rows)
        yield Issue("unreadable", "error", f"{what} cannot be read; replace them"
                    f"{', or train with --on_bad_image skip' * some_left}", [*parts[0], *parts[1]])


def check_values(rows: Sequence[RowFacts], ranges: Ranges) -> Iterator[Issue]:
    for letter, images in by_side(rows).items():
        levels = [facts.levels for _, _, facts in images if not facts.is_empty]
        for level, text in range_faults(letter, levels, ranges.get(letter)):
            yield Issue("value range", level, text)


def check_missing(rows: Sequence[RowFacts], *, allowed: bool) -> Iterator[Issue]:
    """Yield pixels without a value; an error unless --nan_value is ``allowed``."""
    for letter, images in by_side(rows).items():
        entries = [Entry(f"{source}: {facts.missing} of {facts.size[0] * facts.size[1]}",
                         row.sources) for row, source, facts in images if facts.missing]
        if entries and not allowed:
            yield Issue("missing pixels", "error",
                        f"{letter}: pixels without a value (NaN, infinity, nodata) in "
                        f"{len(entries)} of {pluralise(len(images), 'image')}; train with "
                        "--nan_value V, which networks see there; losses leave these pixels out",
                        entries)


def check_pair_sizes(rows: Sequence[RowFacts]) -> Iterator[Issue]:
    pairs = [it for it in rows if len(it.facts) == 2]
    unequal = [Entry(", ".join("{} is {} x {}".format(source, *facts.size)
                               for source, facts in zip(it.row.sources, it.facts, strict=True)),
                     it.row.sources)
               for it in pairs if not same_size(it.facts)]
    if unequal:
        yield Issue("size of pairs", "error",
                    f"{_of(unequal, pairs)} differ in size; --preprocess crop and none refuse "
                    "them, the others scale A and B to one size, which is right only if both show "
                    "the same section", unequal)


def check_kinds(rows: Sequence[RowFacts]) -> Iterator[Issue]:
    for letter, images in by_side(rows).items():
        counts = Counter(facts.kind for _, _, facts in images)
        if len(counts) < 2:
            continue
        usual = counts.most_common(1)[0][0]
        listed = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
        channels = {facts.channels for _, _, facts in images}
        refused = len(channels) > 1 and any(f.colour == "bands" for _, _, f in images)
        end = ("a network takes one number of channels: convert or remove some" if refused else
               "they are converted to the channels of --input_nc and --output_nc, each by the "
               "range of its type")
        yield Issue("mixed kinds", "error" if refused else "warning",
                    f"{letter} holds {listed}; {end}",
                    [Entry(f"{source} is {facts.kind}", row.sources)
                     for row, source, facts in images if facts.kind != usual])


def check_blank(rows: Sequence[RowFacts]) -> Iterator[Issue]:
    entries = [Entry(f"{source} has no value in any pixel" if facts.is_empty else
                     f"{source} holds {levels.low:g} everywhere" if levels.low == levels.high else
                     f"{source} holds one colour, {levels.low:g} to {levels.high:g}", row.sources)
               for images in by_side(rows).values() for row, source, facts in images
               if facts.blank and (levels := facts.levels)]
    if entries:
        count = pluralise(len(entries), "image")
        yield Issue("blank", "warning", f"{count} of one colour all over", entries)


def check_alignment(rows: Sequence[RowFacts]) -> Iterator[Issue]:
    pairs = [it for it in rows if len(it.facts) == 2]
    exchanged = swapped(pairs)
    if exchanged:
        entries = [Entry(names(it.row), it.row.sources) for it in exchanged]
        yield Issue("swapped", "warning", f"{_of(exchanged, pairs)} look as if A and B were "
                      "exchanged: A looks like the others' B, and B like their A", entries)
    moved = misaligned(pairs)
    if moved:
        entries = [Entry(f"{names(it.row)}: B would match better "
                         f"{describe_shift(it.shift, it.facts[1].size)}", it.row.sources)
                   for it in moved if it.shift]
        yield Issue("misaligned", "warning", f"{_of(moved, pairs)} look as if A and B were "
                    "shifted against each other", entries)


def describe_shift(shift: Shift, size: tuple[int, int]) -> str:
    """Describe a shift: "6 pixels to the left and 2 pixels up"."""
    right, down = round(shift.right * size[0]), round(shift.down * size[1])
    steps = ((right, "to the right", "to the left"), (down, "down", "up"))
    return " and ".join(f"{pluralise(abs(step), 'pixel')} {ahead if step > 0 else back}"
                        for step, ahead, back in steps if step)


def _of(part: Sequence[object], whole: Sequence[RowFacts]) -> str:
    pairs = bool(whole) and whole[0].row.is_pair
    return f"{len(part)} of {pluralise(len(whole), 'pair' if pairs else 'image')}"
