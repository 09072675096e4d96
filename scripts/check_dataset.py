"""Look at every image of a data set before the training, and tell what is wrong with it.

    python scripts/check_dataset.py --dataroot datasets/facades

Errors are what a training refuses or what makes its test worthless: unreadable files, images
without a partner, pairs of different size, numbers of channels that do not fit, floating point
without a range, the same image in training and test. Warnings are for a person to look at: mixed
kinds, blank images, copies, pairs that look exchanged or moved against each other. The exit code
is 1 if there are errors, else 0. An HTML page shows what was found.
"""

import argparse
import json
import logging
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data.checking.checks import by_side, find_all
from data.checking.facts import RowFacts, collect_facts
from data.checking.issue import Issue
from data.checking.layout import MODES, Layout, find_rows
from data.checking.measures import preview
from data.files.pillow_files import PictureError
from data.files.raster import Raster
from data.files.source import Source, read_together
from data.files.value_range import ValueRange
from display.pages.contact_sheet import Section, SheetCell, write_sheet
from util.files import write_text
from util.flags import suffixes, value_range
from util.runtime import run_program
from util.text import listing

log = logging.getLogger(__name__)
MOST_CELLS = 60  # of a finding, on the page
SAMPLES = 24  # rows of the set, on the page
MOST_PICTURES = 4  # of one cell
THUMBNAIL = 127  # pixels: two fit side by side
SIZES = 5  # of a side, in words


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--dataroot", type=Path, required=True, help="folder of the set")
    add("--dataset_mode", choices=MODES, help="how it will be read (found from what lies there)")
    add("--phases", nargs="+", default=[], metavar="PHASE",
        help="which of its parts (train, val and test, as far as they are there)")
    add("--pairs", type=Path, metavar="FILE", help="a table of the pairs, as for train.py")
    add("--direction", choices=("AtoB", "BtoA"), default="AtoB",
        help="which side --input_suffixes stacks (%(default)s)")
    add("--input_suffixes", type=suffixes, default=(), metavar="_r,_nir",
        help="an input is a stack of files, as for train.py")
    for side in "AB":
        add(f"--value_range_{side}", type=value_range, metavar="LO,HI",
            help=f"values in {side} that mean black and white, as for train.py")
    add("--sheet", type=Path, metavar="FILE",
        help="page to write (check_<name of the dataroot>.html in this folder)")
    add("--no_sheet", action="store_true", help="write no page")
    add("--json", type=Path, metavar="FILE", help="write the findings as JSON, too")
    add("--verbose", action="store_true", help="show where an error happened")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    layout = find_rows(
        args.dataroot, mode=args.dataset_mode, phases=args.phases, list_file=args.pairs,
        input_side=args.direction[0], suffixes=args.input_suffixes,
    )
    rows = collect_facts(layout.rows)
    limits = {"A": args.value_range_A, "B": args.value_range_B}
    ranges = {side: ValueRange(*pair) if pair else None for side, pair in limits.items()}
    findings = find_all(layout, rows, ranges, alone=collect_facts(layout.lonely))
    facts = [f"--dataset_mode {layout.mode}", *phase_summaries(layout, rows)]
    log_issues(facts, findings)
    if args.json:
        write_text(args.json, issues_as_json(facts, findings))
        log.info("wrote %s", args.json)
    if not args.no_sheet:
        name = args.dataroot.resolve().name
        sheet = args.sheet or Path(f"check_{name}.html")
        write_sheet(sheet, f"Check of {name}", [*facts, verdict(findings)],
                    sections(rows, findings))
        log.info("wrote %s", sheet)
    if any(finding.level == "error" for finding in findings):
        sys.exit(1)


def phase_summaries(layout: Layout, rows: Sequence[RowFacts]) -> list[str]:
    """"train: 400 pairs, A 256x256 rgb uint8, B 256x256 rgb uint8"; counts where kinds differ."""
    lines = []
    for phase in dict.fromkeys(row.phase for row in layout.rows):
        of_phase = [it for it in rows if it.row.phase == phase]
        pairs = of_phase[0].row.is_pair
        words = [f"{len(of_phase)} {'pair' if pairs else 'image'}{'s' * (len(of_phase) != 1)}"]
        for letter, pictures in by_side(of_phase).items():
            sizes = Counter("{}x{}".format(*facts.size) for _, _, facts in pictures)
            kinds = Counter(facts.kind for _, _, facts in pictures)
            count = "" if pairs else f"{len(pictures)} "
            words.append(f"{letter} {count}{most_frequent(sizes)} {most_frequent(kinds)}")
        lines.append(f"{phase or layout.mode}: {', '.join(words)}")
    return lines


def most_frequent(counts: Mapping[str, int]) -> str:
    """The only one, or the most frequent with their numbers."""
    if len(counts) == 1:
        return next(iter(counts))
    words = [f"{count} of {name}" for name, count in Counter(counts).most_common(SIZES)]
    others = f", and {len(counts) - SIZES} more" if len(counts) > SIZES else ""
    return f"({', '.join(words)}{others})"


def log_issues(facts: Sequence[str], findings: Sequence[Issue]) -> None:
    for line in facts:
        log.info("%s", line)
    for finding in findings:
        log.info("%s, %s: %s", finding.level, finding.kind, finding.text)
        if finding.entries:
            log.info("%s", listing([entry.text for entry in finding.entries]))
    log.info("%s", verdict(findings))


def verdict(findings: Sequence[Issue]) -> str:
    levels = Counter(finding.level for finding in findings)
    words = [f"{levels[level]} {level}{'s' * (levels[level] > 1)}"
             for level in ("error", "warning") if levels[level]]
    return f"found {' and '.join(words)}" if words else "found nothing wrong"


def issues_as_json(facts: Sequence[str], findings: Sequence[Issue]) -> str:
    found = [
        {
            "level": finding.level, "kind": finding.kind, "text": finding.text,
            "entries": [
                {"text": entry.text,
                 "files": list(dict.fromkeys(str(f) for s in entry.sources for f in s.files))}
                for entry in finding.entries
            ],
        }
        for finding in findings
    ]
    return json.dumps({"set": facts, "findings": found}, indent=2, ensure_ascii=False) + "\n"


def sections(facts: Sequence[RowFacts], findings: Sequence[Issue]) -> list[Section]:
    drawn = [
        Section(
            finding.kind.capitalize(), finding.level, finding.text,
            [cell(entry.text, entry.sources) for entry in finding.entries[:MOST_CELLS]],
            left_out=max(0, len(finding.entries) - MOST_CELLS),
        )
        for finding in findings
    ]
    rows = [it.row for it in facts if not it.fault]
    count = min(SAMPLES, len(rows))
    chosen = [rows[index * (len(rows) - 1) // max(1, count - 1)] for index in range(count)]
    some = [cell(str(row.sources[0].path), row.sources) for row in chosen]
    return [*drawn, Section("Sample", "", f"{count} of {len(rows)}, spread over the set.", some)]


def cell(caption: str, sources: Sequence[Source]) -> SheetCell:
    try:
        rasters = read_together(sources[:MOST_PICTURES])
    except PictureError as error:
        return SheetCell(str(error))
    return SheetCell(caption, [thumbnail(raster) for raster in rasters])


def thumbnail(raster: Raster) -> npt.NDArray[np.uint8]:
    width, height = raster.size
    scale = min(1.0, THUMBNAIL / max(width, height))
    return preview(raster.pixels, (max(1, round(width * scale)), max(1, round(height * scale))))


if __name__ == "__main__":
    run_program(main)
