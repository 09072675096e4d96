"""What is wrong with a set, or may be: one function for each kind of finding.

Errors are what a training refuses, or what makes its test worthless. Warnings are what a person
should look at.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from data.checking.copies import copies
from data.checking.facts import Facts, RowFacts, same_size
from data.checking.issue import Entry, Issue, names
from data.checking.layout import Layout, SourceRow
from data.checking.limits import proposed
from data.checking.measures import Shift
from data.checking.suspicion import misaligned, swapped
from data.files import value_range
from data.files.source import Source
from data.files.value_range import ValueRange

NARROW = 0.25  # of the numbers that a dtype can hold; photos use more
ROUNDED = 1e-4  # of half a range: flags may be written with few digits

Ranges = Mapping[str, ValueRange | None]  # by side


def find_all(
    layout: Layout, rows: Sequence[RowFacts], ranges: Ranges, *, alone: Sequence[RowFacts] = ()
) -> list[Issue]:
    """Errors first. ``alone``: images without a partner, which are only asked to be readable."""
    checks: list[Callable[[Sequence[RowFacts]], Iterable[Issue]]] = [
        lambda rows: unreadable_files(rows, alone), lambda rows: values(rows, ranges),
        unequal_pairs, mixed_kinds, copies, blank, suspicious,
    ]
    found = [Issue("without partner", "error", fault) for fault in layout.faults]
    found += [finding for check in checks for finding in check(rows)]
    return sorted(found, key=lambda finding: finding.level != "error")


def by_side(rows: Iterable[RowFacts]) -> dict[str, list[tuple[SourceRow, Source, Facts]]]:
    sides: dict[str, list[tuple[SourceRow, Source, Facts]]] = {}
    for it in rows:
        if not it.facts:  # unreadable
            continue
        for letter, source, facts in zip(it.row.letters, it.row.sources, it.facts, strict=True):
            sides.setdefault(letter, []).append((it.row, source, facts))
    return sides


def unreadable_files(rows: Sequence[RowFacts], alone: Sequence[RowFacts]) -> Iterator[Issue]:
    parts = [[Entry(it.fault, ()) for it in some if it.fault] for some in (rows, alone)]
    counts = [_of(parts[0], rows), f"{_of(parts[1], alone)} without a partner"]
    what = " and ".join(count for count, bad in zip(counts, parts, strict=True) if bad)
    if what:
        yield Issue(
            "unreadable", "error",
            f"{what} cannot be read; replace them, or train with --on_bad_image skip",
            [*parts[0], *parts[1]],
        )


def values(rows: Sequence[RowFacts], ranges: Ranges) -> Iterator[Issue]:
    """Of each side: floating point without a range, clipped values, a range that is hardly used."""
    for letter, pictures in by_side(rows).items():
        for dtype in sorted({facts.dtype for _, _, facts in pictures}):
            found = [facts for _, _, facts in pictures if facts.dtype == dtype]
            low, high = min(f.low for f in found), max(f.high for f in found)
            flag = f"--value_range_{letter}={proposed(low, high)}"
            count = f"1 {dtype} image holds" if len(found) == 1 else (
                f"{len(found)} {dtype} images hold")
            what = f"{letter}: {count} values from {low:g} to {high:g}"
            limits = ranges.get(letter) or value_range.of_dtype(dtype)
            slack = ROUNDED * limits.half if limits else 0.0
            if limits is None:
                yield Issue("value range", "error", f"{what}, which has no range of its own; "
                              f"train with {flag}, or with the limits of your instrument")
            elif low < limits.low - slack or high > limits.high + slack:
                yield Issue("value range", "warning", f"{what}, of which those outside of "
                              f"{limits.low:g} to {limits.high:g} are clipped")
            elif dtype != "uint8" and high - low < NARROW * (limits.high - limits.low):
                yield Issue("value range", "warning", f"{what}, a small part of {limits.low:g} "
                              f"to {limits.high:g}, so their contrast is poor; for all of it "
                              f"train with {flag}")


def unequal_pairs(rows: Sequence[RowFacts]) -> Iterator[Issue]:
    pairs = [it for it in rows if len(it.facts) == 2]
    unequal = [
        Entry(", ".join(f"{source} is {_size(facts.size)}"
                        for source, facts in zip(it.row.sources, it.facts, strict=True)),
              it.row.sources)
        for it in pairs if not same_size(it.facts)
    ]
    if unequal:
        yield Issue(
            "size of pairs", "error",
            f"{_of(unequal, pairs)} differ in size; --preprocess crop and none refuse that, the "
            "others scale A and B to one size, which fits only if both show the same section",
            unequal,
        )


def mixed_kinds(rows: Sequence[RowFacts]) -> Iterator[Issue]:
    for letter, pictures in by_side(rows).items():
        counts = Counter(facts.kind for _, _, facts in pictures)
        if len(counts) < 2:
            continue
        usual = counts.most_common(1)[0][0]
        channels = {facts.channels for _, _, facts in pictures}
        refused = len(channels) > 1 and any(f.colour == "bands" for _, _, f in pictures)
        end = ("a network takes one number of channels: convert or remove some" if refused else
               "they are converted to the channels of --input_nc and --output_nc, each by the "
               "range of its type")
        yield Issue(
            "mixed kinds", "error" if refused else "warning",
            f"{letter} holds {kind_counts(counts)}; {end}",
            [Entry(f"{source} is {facts.kind}", row.sources)
             for row, source, facts in pictures if facts.kind != usual],
        )


def blank(rows: Sequence[RowFacts]) -> Iterator[Issue]:
    entries = [
        Entry(f"{source} holds {facts.low:g} everywhere" if facts.low == facts.high else
              f"{source} holds one colour, {facts.low:g} to {facts.high:g}", row.sources)
        for pictures in by_side(rows).values() for row, source, facts in pictures if facts.blank
    ]
    if entries:
        count = "1 image has" if len(entries) == 1 else f"{len(entries)} images have"
        yield Issue("blank", "warning", f"{count} one colour all over", entries)


def suspicious(rows: Sequence[RowFacts]) -> Iterator[Issue]:
    pairs = [it for it in rows if len(it.facts) == 2]
    exchanged = swapped(pairs)
    if exchanged:
        entries = [Entry(names(it.row), it.row.sources) for it in exchanged]
        yield Issue("swapped", "warning", f"{_of(exchanged, pairs)} look as if A and B were "
                      "exchanged: A looks like the others' B, and B like their A", entries)
    moved = misaligned(pairs)
    if moved:
        entries = [
            Entry(f"{names(it.row)}: B would fit better {way(it.shift, it.facts[1].size)}",
                  it.row.sources)
            for it in moved if it.shift
        ]
        yield Issue("misaligned", "warning", f"{_of(moved, pairs)} look as if A and B did not "
                      "lie upon each other", entries)


def way(shift: Shift, size: tuple[int, int]) -> str:
    """"6 pixels to the left and 2 pixels up"."""
    right, down = round(shift.right * size[0]), round(shift.down * size[1])
    steps = ((right, "to the right", "to the left"), (down, "down", "up"))
    return " and ".join(
        f"{abs(step)} pixel{'s' * (abs(step) != 1)} {ahead if step > 0 else back}"
        for step, ahead, back in steps if step
    )


def kind_counts(counts: Mapping[str, int]) -> str:
    """"398 rgb uint8, 2 gray uint8": the most frequent first."""
    return ", ".join(f"{count} {name}" for name, count in Counter(counts).most_common())


def _of(part: Sequence[object], whole: Sequence[RowFacts]) -> str:
    pairs = bool(whole) and whole[0].row.is_pair
    word = "pair" if pairs else "image"
    return f"{len(part)} of {len(whole)} {word}{'s' * (len(whole) != 1)}"


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
