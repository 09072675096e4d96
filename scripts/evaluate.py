"""Measure how good outputs are: runs side by side, or one folder against another.

    python scripts/evaluate.py --run maps_pix2pix maps_wgan
    python scripts/evaluate.py --fake translated --real datasets/maps/testB

A run stands for its newest results with targets, as test.py writes them; a folder such as
results/maps/val_20 for itself. Folders are compared by the paths of their pictures, whatever the
endings. A metric that cannot run says in one line what it needs. docs/metrics.md explains them all.
"""

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data.files.value_range import ValueRange
from metrics import available, create_metrics, find_metric, requirements
from metrics.base_metric import Settings
from metrics.evaluation import Evaluation, evaluate
from metrics.palette import NoPaletteError, Palette, find_palette, read_palette
from metrics.picture import Picture
from metrics.report.compared_sets import ComparedSet, find_runs, of_folders
from metrics.report.page import write_report_page
from metrics.report.tables import as_csv, as_json, table
from util.files import write_text
from util.flags import gpu_list, value_range
from util.runtime import choose_device, run_program

log = logging.getLogger(__name__)
PALETTE_PICTURES = 100  # targets, spread over the set, in which a palette is looked for


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_compared(parser)
    add_metrics(parser)
    add_results(parser)
    args = parser.parse_args(argv)
    if bool(args.run) == bool(args.fake or args.real) or bool(args.fake) != bool(args.real):
        parser.error("give --run NAME, or both --fake DIR and --real DIR")
    return args


def add_compared(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("what is compared")
    what.add_argument("--run", nargs="+", action="extend", default=[], metavar="RUN",
                      help="name of a run, or folder of its results; may be repeated")
    what.add_argument("--fake", type=Path, metavar="DIR", help="folder of outputs, with --real")
    what.add_argument("--real", type=Path, metavar="DIR", help="folder of targets, with --fake")
    what.add_argument("--unpaired", action="store_true",
                      help="outputs and targets are two sets without pairs: metrics of sets alone")
    what.add_argument("--output", metavar="LABEL",
                      help="which output of a run: fake_B, fake_A, ... (fake_B if there is one)")
    what.add_argument("--results_dir", type=Path, default=Path("results"), metavar="DIR",
                      help="folder of the results of test.py (%(default)s)")
    what.add_argument("--checkpoints_dir", type=Path, default=Path("checkpoints"), metavar="DIR",
                      help="folder of the runs: whether their pictures are pairs (%(default)s)")
    what.add_argument("--value_range", type=value_range, metavar="LO,HI",
                      help="values that mean black and white (the range of the files' type)")


def add_metrics(parser: argparse.ArgumentParser) -> None:
    how = parser.add_argument_group("metrics")
    how.add_argument("--metrics", nargs="+", choices=available(), metavar="NAME",
                     help=f"{', '.join(available())} (all that can run)")
    for flag, text in requirements().items():
        how.add_argument(f"--{flag}", type=Path, metavar="FILE", help=text)
    how.add_argument("--download_weights", action="store_true",
                     help="fetch weights that lack from where their library has them")
    how.add_argument("--palette", type=Path, metavar="FILE",
                     help="colours of labels, a line R G B NAME each (found in the targets)")
    how.add_argument("--gpu_ids", type=gpu_list, metavar="N", help="GPU of the feature networks; "
                     "-1: the CPU (a GPU if there is one)")


def add_results(parser: argparse.ArgumentParser) -> None:
    out = parser.add_argument_group("results")
    out.add_argument("--html", type=Path, metavar="FILE",
                     help="the page (evaluation/index.html in --results_dir)")
    out.add_argument("--no_html", action="store_true", help="write no page")
    out.add_argument("--json", type=Path, metavar="FILE", help="everything, as JSON")
    out.add_argument("--csv", type=Path, metavar="FILE", help="a line for every picture")
    out.add_argument("--verbose", action="store_true", help="show where an error happened")


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    sets = find_sets(args)
    names = args.metrics or available()
    limits = ValueRange(*args.value_range) if args.value_range else None
    palette, no_palette = find_colours(args.palette, names, sets, limits)
    settings = Settings(
        device=choose_device(args.gpu_ids),
        weights={flag: getattr(args, flag) for flag in requirements() if getattr(args, flag)},
        download=args.download_weights,
        palette=palette,
        no_palette=no_palette,
    )
    found: dict[str, Evaluation] = {}
    for one in sets:
        log.info("%s: %s", one.name, one.describe())
        found[one.name] = measure(one, names, settings, limits)
    for line in table(found):
        log.info("%s", line)
    if not any(one.scores for one in found.values()):
        raise ValueError("no metric has a score, so nothing is written; the lines above say why")
    write(args, sets, found, palette, limits)


def find_sets(args: argparse.Namespace) -> list[ComparedSet]:
    if args.run:
        return find_runs(
            args.run, results_dir=args.results_dir, checkpoints_dir=args.checkpoints_dir,
            label=args.output, unpaired=args.unpaired,
        )
    return [of_folders(args.fake, args.real, unpaired=args.unpaired)]


def find_colours(
    file: Path | None, names: Sequence[str], sets: Sequence[ComparedSet], limits: ValueRange | None
) -> tuple[Palette | None, str]:
    """The palette, if a metric asks for one; else why there is none."""
    if file:
        return read_palette(file), ""
    if not any(find_metric(name).needs_palette for name in names):
        return None, ""
    targets = [files.real for files in sets[0].files if files.real]
    step = -(-len(targets) // PALETTE_PICTURES)
    pictures = (Picture.read(path, limits).levels() for path in targets[::step])
    try:
        palette = find_palette(levels for levels in pictures if levels is not None)
    except NoPaletteError as error:
        return None, f"{error}; --palette FILE names their colours"
    log.info("%d colours of labels found in the targets", len(palette))
    return palette, ""


def measure(
    one: ComparedSet, names: Sequence[str], settings: Settings, limits: ValueRange | None
) -> Evaluation:
    unfit = {name: "compares pairs, and these pictures are none"
             for name in names if find_metric(name).paired and one.unpaired}
    metrics, missing = create_metrics([name for name in names if name not in unfit], settings)
    with_inputs = any(metric.needs_input for metric in metrics.values())
    evaluation = evaluate(one.examples(limits, with_inputs=with_inputs), metrics)
    evaluation.left_out |= unfit | missing
    evaluation.warnings += one.warnings
    return evaluation


def write(
    args: argparse.Namespace, sets: Sequence[ComparedSet], found: Mapping[str, Evaluation],
    palette: Palette | None, limits: ValueRange | None,
) -> None:
    if args.json:
        write_text(args.json, as_json(found, palette))
        log.info("wrote %s", args.json)
    if args.csv:
        write_text(args.csv, as_csv(found))
        log.info("wrote %s", args.csv)
    if not args.no_html:
        page = args.html or args.results_dir / "evaluation" / "index.html"
        write_report_page(page, sets, found, limits)
        log.info("wrote %s", page)


if __name__ == "__main__":
    run_program(main)
