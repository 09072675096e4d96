"""Read every image of a data set before the training, and report what is wrong with it.

    python scripts/check_dataset.py --dataroot datasets/facades

Errors are issues that a training refuses or that make its test worthless: unreadable files, images
without a partner, pairs of different size, numbers of channels that do not match, floating point
without a range, pixels without a value, the same image in training and test. Warnings are for a
person to look at: mixed kinds, blank images, copies, pairs that look exchanged or shifted against
each other. The exit code is 1 if there are errors, otherwise 0. An HTML page shows the issues.
"""

import argparse
import json
import logging
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from util import interrupts

if __name__ == "__main__":
    interrupts.quit_at_signals()  # before imports that take seconds

from data.checking.checks import by_side, find_all
from data.checking.facts import RowFacts, collect_facts
from data.checking.issue import Issue
from data.checking.layout import MODES, Layout, find_rows
from data.checking.measures import preview
from data.checking.sample_check import spread_sample
from data.files.pillow_files import PictureError
from data.files.side import STORE_NUMBERS, Side
from data.files.source import Source, read_together
from data.files.value_range import ValueRange
from display.pages.contact_sheet import Section, SheetCell, write_sheet
from options.parser import Dependency
from scripts.command_line import new_parser, refuse_unused
from util.disk.file_names import shorten
from util.files import write_text
from util.flags import any_path, nan_value, suffixes, value_range, word
from util.runtime import run_program
from util.text import listing, pluralise

log = logging.getLogger(__name__)
MOST_CELLS = 60  # per issue, on the page
SAMPLES = 24  # rows of the set, on the page
MOST_IMAGES = 4  # per cell
THUMBNAIL = 127  # pixels, so that two fit side by side
SIZES = 5  # per side, in the log


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = new_parser(__doc__)
    add = parser.add_argument
    add("--dataroot", type=any_path, required=True, help="folder of the set")
    add("--dataset_mode", choices=MODES, help="how a training reads it (default: by its folders)")
    add("--phases", type=word, nargs="+", default=[], metavar="PHASE",
        help="which phases to check (default: those of train, val and test that exist)")
    add("--pairs", type=any_path, metavar="FILE", help="a table of the pairs, as for train.py")
    add("--direction", choices=("AtoB", "BtoA"), default="AtoB",
        help="which side --input_suffixes stacks (%(default)s)")
    add("--input_suffixes", type=suffixes, default=(), metavar="_r,_nir",
        help="an input is a stack of files, as for train.py")
    for side in "AB":
        add(f"--value_range_{side}", type=value_range, metavar="LO,HI",
            help=f"values in {side} that mean black and white, as for train.py")
    add("--nan_value", type=nan_value, metavar="V|VA,VB",
        help="pixels without a value are allowed, as for train.py")
    add("--sheet", type=any_path, help="page to write (check_<name of the dataroot>.html)")
    add("--no_sheet", action="store_true", help="write no page")
    add("--json", type=any_path, metavar="FILE", help="write the issues as JSON, too")
    args = parser.parse_args(argv)
    refuse_unused(parser, args, [Dependency(("sheet",), lambda args: not args.no_sheet,
                                            "the page, without --no_sheet,")])
    return args


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    layout = find_rows(args.dataroot, mode=args.dataset_mode, phases=args.phases,
                       list_file=args.pairs, input_side=args.direction[0],
                       suffixes=args.input_suffixes)
    limits = {"A": args.value_range_A, "B": args.value_range_B}
    ranges = {side: ValueRange(*pair) if pair else None for side, pair in limits.items()}
    sides = {letter: Side(letter, 0, ranges[letter], nan_value=value)
             for letter, value in zip("AB", args.nan_value or (None, None), strict=True)}
    rows = collect_facts(layout.rows, sides)
    issues = find_all(layout, rows, ranges, alone=collect_facts(layout.unpaired),
                      missing_allowed=args.nan_value is not None)
    facts = [f"--dataset_mode {layout.mode}", *phase_summaries(layout, rows)]
    if layout.mode != "colorization":
        facts += channel_advice(rows, args.direction[0])
    log_issues(facts, issues)
    if args.json:
        write_text(args.json, issues_as_json(facts, issues))
        log.info("wrote %s", args.json)
    if not args.no_sheet:
        name = args.dataroot.resolve().name
        sheet = args.sheet or Path(f"check_{shorten(name, room=16)}.html")
        write_sheet(sheet, f"Check of {name}", [*facts, verdict(issues)], sections(rows, issues))
        log.info("wrote %s", sheet)
    if any(issue.level == "error" for issue in issues):
        sys.exit(1)


def phase_summaries(layout: Layout, rows: Sequence[RowFacts]) -> list[str]:
    """Return lines such as "train: 400 pairs, A 256x256 rgb uint8, B 256x256 rgb uint8"."""
    lines = []
    for phase in dict.fromkeys(row.phase for row in layout.rows):
        of_phase = [it for it in rows if it.row.phase == phase]
        pairs = of_phase[0].row.is_pair
        parts = [pluralise(len(of_phase), "pair" if pairs else "image")]
        for letter, images in by_side(of_phase).items():
            sizes = Counter("{}x{}".format(*facts.size) for _, _, facts in images)
            kinds = Counter(facts.kind for _, _, facts in images)
            count = "" if pairs else f"{len(images)} "
            parts.append(f"{letter} {count}{most_frequent(sizes)} {most_frequent(kinds)}")
        lines.append(f"{phase or layout.mode}: {', '.join(parts)}")
    return lines


def channel_advice(rows: Sequence[RowFacts], input_side: str) -> list[str]:
    """Return the flags for sides whose images do not have the 3 channels of the default."""
    lines = []
    for letter, images in by_side(rows).items():
        counts = {facts.channels - (facts.colour in ("gray_alpha", "rgba"))
                  for _, _, facts in images}
        if len(counts) == 1 and counts != {3}:
            flag = "--input_nc" if letter == input_side else "--output_nc"
            count = min(counts)
            lines.append(f"{letter} has {pluralise(count, 'channel')}: train with {flag} {count}")
        if number := sum(facts.palette for _, _, facts in images):
            lines.append(f"{letter}: {number} of {pluralise(len(images), 'image')} with a palette, "
                         "read as its colours. If its numbers are those of classes, store them, in "
                         f"copies of the files: {STORE_NUMBERS}")
    return lines


def most_frequent(counts: Mapping[str, int]) -> str:
    """Return the only name, or the most frequent names with their counts."""
    if len(counts) == 1:
        return next(iter(counts))
    parts = [f"{count} of {name}" for name, count in Counter(counts).most_common(SIZES)]
    others = f", and {len(counts) - SIZES} more" if len(counts) > SIZES else ""
    return f"({', '.join(parts)}{others})"


def log_issues(facts: Sequence[str], issues: Sequence[Issue]) -> None:
    for line in facts:
        log.info("%s", line)
    for issue in issues:
        log.info("%s, %s: %s", issue.level, issue.kind, issue.text)
        if issue.entries:
            log.info("%s", listing([entry.text for entry in issue.entries]))
    log.info("%s", verdict(issues))


def verdict(issues: Sequence[Issue]) -> str:
    levels = Counter(issue.level for issue in issues)
    counts = [pluralise(levels[level], level) for level in ("error", "warning") if levels[level]]
    return f"found {' and '.join(counts)}" if counts else "found nothing wrong"


def issues_as_json(facts: Sequence[str], issues: Sequence[Issue]) -> str:
    def files(sources: Sequence[Source]) -> list[str]:
        return list(dict.fromkeys(str(file) for source in sources for file in source.files))

    findings = [{"level": issue.level, "kind": issue.kind, "text": issue.text,
                 "entries": [{"text": entry.text, "files": files(entry.sources)}
                             for entry in issue.entries]}
                for issue in issues]
    return json.dumps({"set": facts, "findings": findings}, indent=2, ensure_ascii=False) + "\n"


def sections(facts: Sequence[RowFacts], issues: Sequence[Issue]) -> list[Section]:
    of_issues = [Section(issue.kind.capitalize(), issue.level, issue.text,
                         [cell(entry.text, entry.sources) for entry in issue.entries[:MOST_CELLS]],
                         left_out=max(0, len(issue.entries) - MOST_CELLS))
                 for issue in issues]
    rows = [it.row for it in facts if not it.fault]
    count = min(SAMPLES, len(rows))
    sample = [cell(str(row.sources[0].path), row.sources) for row in spread_sample(rows, count)]
    title = f"{count} of {len(rows)}, spread over the set."
    return [*of_issues, Section("Sample", "", title, sample)]


def cell(caption: str, sources: Sequence[Source]) -> SheetCell:
    try:
        rasters = read_together(sources[:MOST_IMAGES])
    except PictureError as error:
        return SheetCell(str(error))
    thumbnails = []
    for raster in rasters:
        scale = min(1.0, THUMBNAIL / max(raster.size))
        width, height = (max(1, round(side * scale)) for side in raster.size)
        thumbnails.append(preview(raster.known.pixels, (width, height)))
    return SheetCell(caption, thumbnails)


if __name__ == "__main__":
    run_program(main)
