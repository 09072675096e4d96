"""Take pix2pix apart as its paper does: train every row of its tables, score them, compare.

    python scripts/ablate.py --table losses patches --dataroot datasets/facades --out ablation
    python scripts/ablate.py --table losses --dataroot datasets/facades --size 128 --epochs 12 \\
        -- --ngf 16 --ndf 16 --batch_size 2

All rows have one budget: pictures, epochs, sizes. Flags behind -- go to every train.py. The same
command goes on where it was stopped, and adds tables to those that are done. Photos are scored by
a segmenter (scripts/train_scorer.py), label maps by their colours. The page is index.html in --out.
"""

import argparse
import logging
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from metrics.base_metric import Settings
from metrics.segmenter.scorer import load_scorer
from scripts.ablation.page import strips, write_page, write_strips
from scripts.ablation.report import Scored, as_json, lines, score
from scripts.ablation.runs import ROOT, Ablation, Budget, call
from scripts.ablation.tables import TABLES, Row, Table
from util.files import write_text
from util.flags import gpu_list, positive_int
from util.runtime import choose_device, run_program

log = logging.getLogger(__name__)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    words = list(sys.argv[1:] if argv is None else argv)
    end = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False, usage="%(prog)s --dataroot DIR [flags] [-- flags of train.py]",
    )
    add = parser.add_argument
    add("--table", nargs="+", choices=tuple(TABLES), default=tuple(TABLES), metavar="NAME",
        help=f"{', '.join(TABLES)} (all)")
    add("--dataroot", type=Path, required=True, help="folder of pairs, photo and label map")
    add("--labels", choices=("A", "B"), default="B",
        help="which side is the label maps (%(default)s)")
    add("--out", type=Path, default=Path("ablation"), metavar="DIR",
        help="folder of runs, results and the page (%(default)s)")
    add("--epochs", type=positive_int, default=200,
        help="of every row, the second half of them with a falling rate (%(default)s)")
    add("--size", type=int, choices=(128, 256), default=256,
        help="side of pictures and networks (%(default)s pixels)")
    add("--phase", default="test", help="pictures that are scored (%(default)s)")
    add("--scorer", type=Path, metavar="FILE",
        help="segmenter of this set (scorer.pth in --out, trained if it is not there)")
    add("--pictures", type=positive_int, default=4, help="in the strips (%(default)s)")
    add("--strips", type=Path, metavar="FILE", help="write the strips of the first table as PNG")
    add("--list", action="store_true", help="print the commands, and do nothing")
    add("--report", action="store_true", help="train nothing: report the rows that are done")
    add("--gpu_ids", type=gpu_list, metavar="N",
        help="GPU that scores; -1: the CPU (a GPU if there is one)")
    add("--verbose", action="store_true", help="show where an error happened")
    args = parser.parse_args(words[:end])
    args.extra = words[end + 1:]
    return args


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    budget = Budget(
        str(args.dataroot), args.labels, args.size, args.epochs, args.phase, tuple(args.extra)
    )
    ablation = Ablation(args.out, budget)
    tables = [(name, TABLES[name]) for name in dict.fromkeys(args.table)]
    rows = {row.run: (table, row) for _, table in tables for row in table.rows}
    if args.list:
        for table, row in rows.values():
            log.info("%s", ablation.describe(table, row))
        return
    if args.report and not any(ablation.is_done(row) for _, row in rows.values()):
        raise ValueError(f"{args.out} holds no row of these tables that is done: leave --report "
                         "out to train them, or give another --out")
    budget.hold(args.out)
    scorer = args.scorer or args.out / "scorer.pth"
    if not args.report:
        if not scorer.is_file():
            train_scorer(args, scorer)
        load_scorer(scorer)  # a file that cannot be used is told now, not after the trainings
        for table, row in rows.values():
            ablation.make(table, row)
    report(args, ablation, tables, score_all(ablation, rows.values(), scorer, args.gpu_ids))


def train_scorer(args: argparse.Namespace, path: Path) -> None:
    """
    Raises:
        ValueError: it ended with an error, which it has told.
    """
    code = call([
        sys.executable, str(ROOT / "scripts" / "train_scorer.py"), "--dataroot",
        str(args.dataroot), "--labels", args.labels, "--test_phase", args.phase,
        "--size", str(args.size), "--out", str(path),
    ])
    if code:
        raise ValueError(f"the training of the scorer ended with exit code {code}")


def score_all(
    ablation: Ablation, rows: Iterable[tuple[Table, Row]], scorer: Path,
    gpu_ids: Sequence[int] | None,
) -> dict[str, Scored]:
    """Run -> scores, of the rows that are done."""
    settings = Settings(
        device=choose_device(gpu_ids), weights={"scorer": scorer},
        palette=load_scorer(scorer).palette,
    )
    return {row.run: score(ablation, table, row, settings)
            for table, row in rows if ablation.is_done(row)}


def report(
    args: argparse.Namespace, ablation: Ablation, tables: Sequence[tuple[str, Table]],
    scored: dict[str, Scored],
) -> None:
    for _, table in tables:
        log.info("\n%s", "\n".join(lines(table, scored)))
    budget = ablation.budget
    counts = {own.pictures for own in scored.values()}
    facts = (
        f"{budget.dataroot}: {budget.epochs} epochs at {budget.size} x {budget.size} pixels for "
        f"every row, flags {' '.join(budget.extra) or 'as they are'}; scored on "
        f"{', '.join(map(str, counts)) or 'no'} pictures of {budget.phase}. Published numbers are "
        "those of Cityscapes, by another segmenter: compare orders, not values."
    )
    shown = [strips(ablation, table, scored, args.pictures) for _, table in tables]
    write_text(args.out / "scores.json", as_json(ablation, tables, scored))
    write_page(args.out / "index.html", facts, [table for _, table in tables], scored, shown)
    log.info("\n%s\nwrote %s and scores.json", facts, args.out / "index.html")
    if args.strips and shown[0]:
        write_strips(args.strips, shown[0])
        log.info("wrote %s", args.strips)


if __name__ == "__main__":
    run_program(main)
