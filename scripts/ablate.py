"""Repeat the ablation of the pix2pix paper: train every row of its tables, score and compare them.

    python scripts/ablate.py --table losses patches --dataroot datasets/facades --out ablation
    python scripts/ablate.py --table losses --dataroot datasets/facades --size 128 --epochs 12 \\
        -- --ngf 16 --ndf 16 --batch_size 2

All rows have the same budget: images, epochs and sizes. The flags after -- are passed to every
train.py. The same command resumes an interrupted run, and adds tables to those that are done.
Photos are scored by a segmenter (scripts/train_scorer.py), label maps by their colours. The page is
index.html in --out.
"""

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from util import interrupts

if __name__ == "__main__":
    interrupts.quit_at_signals()  # before imports that take seconds

from metrics.base_metric import Settings
from metrics.segmenter.scorer import load_scorer
from options.parser import Dependency
from scripts.ablation.page import strips, write_page, write_strips
from scripts.ablation.report import RowResult, as_json, lines, score
from scripts.ablation.runs import ROOT, Ablation, Budget, call_or_raise
from scripts.ablation.tables import TABLES, AblationTable
from scripts.command_line import new_parser, refuse_unused, split_flags
from util.files import write_text
from util.flags import any_path, gpu_list, limits, positive_int, word
from util.runtime import choose_device, run_program

log = logging.getLogger(__name__)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    own, extra = split_flags(argv)
    parser = new_parser(__doc__, usage="%(prog)s --dataroot DIR [flags] [-- flags of train.py]")
    add = parser.add_argument
    add("--table", nargs="+", choices=tuple(TABLES), default=tuple(TABLES), metavar="NAME",
        help=f"{', '.join(TABLES)} (all)")
    add("--dataroot", type=any_path, required=True, help="folder of pairs, photo and label map")
    add("--labels", choices=("A", "B"), default="B", help="side of the label maps (%(default)s)")
    add("--out", type=any_path, default=Path("ablation"), help="folder to write (%(default)s)")
    add("--epochs", type=limits.epochs, default=200,
        help="epochs of every row; the learning rate decays in the second half (%(default)s)")
    add("--size", type=int, choices=(128, 256), default=256,
        help="side of images and networks (%(default)s pixels)")
    add("--phase", type=word, default="test", help="images that are scored (%(default)s)")
    add("--scorer", type=any_path, metavar="FILE",
        help="segmenter of this set (scorer.pth in --out, trained if it does not exist)")
    add("--pictures", type=positive_int, default=4, help="images in the strips (%(default)s)")
    add("--strips", type=any_path, metavar="FILE",
        help="write the strips of the first table as PNG")
    add("--list", action="store_true", help="print the commands and exit")
    add("--report", action="store_true", help="do not train: report the rows that are done")
    add("--gpu_ids", type=gpu_list, metavar="N",
        help="GPU that scores; -1: the CPU (a GPU if there is one)")
    args = parser.parse_args(own, argparse.Namespace(extra=extra))
    refuse_unused(parser, args, [Dependency(
        ("report", "scorer", "pictures", "strips", "gpu_ids"), lambda args: not args.list,
        "the training or the report, without --list,")])
    return args


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    ablation = Ablation(args.out, Budget(str(args.dataroot), args.labels, args.size, args.epochs,
                                         args.phase, tuple(args.extra)))
    tables = {name: TABLES[name] for name in args.table}
    rows = {row.run: row for table in tables.values() for row in table.rows}
    if args.list:
        for row in rows.values():
            log.info("%s", ablation.describe(row))
        return
    if args.report and not any(map(ablation.is_done, rows.values())):
        raise ValueError(f"{args.out} holds no row of these tables that is done: leave --report "
                         "out to train them, or give another --out")
    ablation.budget.hold(args.out)
    file = args.scorer or args.out / "scorer.pth"
    if not args.report:
        if not file.is_file():
            call_or_raise([sys.executable, str(ROOT / "scripts" / "train_scorer.py"), "--dataroot",
                           str(args.dataroot), "--labels", args.labels, "--test_phase", args.phase,
                           "--size", str(args.size), "--out", str(file)],
                          "the training of the scorer")
        load_scorer(file)  # a file that cannot be used is refused before the trainings
        for row in rows.values():
            ablation.make(row)
    settings = Settings(device=choose_device(args.gpu_ids), weights={"scorer": file},
                        palette=load_scorer(file).palette)
    report(args, ablation, tables, {run: score(ablation, row, settings)
                                    for run, row in rows.items() if ablation.is_done(row)})


def report(
    args: argparse.Namespace, ablation: Ablation, tables: Mapping[str, AblationTable],
    results: Mapping[str, RowResult],
) -> None:
    for table in tables.values():
        log.info("\n%s", "\n".join(lines(table, results)))
    counts = {result.pictures for result in results.values()}
    facts = (f"{args.dataroot}: {args.epochs} epochs at {args.size} x {args.size} pixels for every "
             f"row, flags: {' '.join(args.extra) or 'the defaults'}; scored on "
             f"{', '.join(map(str, counts)) or 'no'} images of {args.phase}. Published numbers are "
             "those of Cityscapes, by another segmenter: compare the order of the rows, not the "
             "values.")
    images = {name: strips(ablation, table, results, args.pictures)
              for name, table in tables.items()}
    write_text(args.out / "scores.json", as_json(ablation, tables, results))
    write_page(args.out / "index.html", facts, tables, results, images)
    log.info("\n%s\nwrote %s and scores.json", facts, args.out / "index.html")
    first = next(iter(images.values()))
    if args.strips and first:
        write_strips(args.strips, first)
        log.info("wrote %s", args.strips)


if __name__ == "__main__":
    run_program(main)
