"""Measure the quality of outputs: compare runs, or one folder with another.

    python scripts/evaluate.py --run maps_pix2pix maps_wgan
    python scripts/evaluate.py --fake translated --real datasets/maps/testB

The name of a run stands for its newest results with targets; a folder of results such as
results/maps/val_20 can be given too. Images of two folders are paired by their paths without
suffixes. For a metric that cannot run, one line tells what it needs. See docs/metrics.md.
"""

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from util import interrupts

if __name__ == "__main__":
    interrupts.quit_at_signals()  # before imports that take seconds

from data.files.reading import naming_skip_flag
from data.files.value_range import ValueRange
from metrics import available, create_metrics, find_metric, requirements
from metrics.base_metric import Settings
from metrics.evaluation import Evaluation, evaluate
from metrics.metric_image import MetricImage
from metrics.palette import NoPaletteError, Palette, find_palette, read_palette
from metrics.report.compared_sets import ComparedSet, find_runs, of_folders, usual_side
from metrics.report.page import default_page, write_report_page
from metrics.report.readable import readable_sets
from metrics.report.tables import as_csv, as_json, table
from metrics.report.value_use import ValueUse
from options.parser import Dependency
from scripts.command_line import new_parser, refuse_unused
from util.files import write_text
from util.flags import any_path, finite_float, gpu_list, value_range, word
from util.runtime import choose_device, run_program

log = logging.getLogger(__name__)
PALETTE_IMAGES = 100  # targets, spread over the set, in which a palette is searched


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = new_parser(__doc__)
    add_compared(parser)
    add_metrics_and_results(parser)
    args = parser.parse_args(argv)
    if bool(args.run) == bool(args.fake or args.real) or bool(args.fake) != bool(args.real):
        parser.error("give --run NAME, or both --fake DIR and --real DIR")
    refuse_unused(parser, args, dependencies())
    return args


def dependencies() -> list[Dependency]:
    return [
        Dependency(("output",), lambda args: bool(args.run), "--run NAME"),
        Dependency(("html",), lambda args: not args.no_html, "the page, without --no_html,"),
        *(Dependency((flag,), lambda args, flag=flag: any(  # type: ignore[misc]
            flag in find_metric(name).requires for name in args.metrics or available()),
            "a metric of another --metrics") for flag in requirements()),
    ]


def add_compared(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("compared images").add_argument
    add("--run", type=word, nargs="+", action="extend", default=[], metavar="RUN",
        help="name of a run, or folder of its results; may be repeated")
    add("--fake", type=any_path, metavar="DIR", help="folder of outputs, with --real")
    add("--real", type=any_path, metavar="DIR", help="folder of targets, with --fake")
    add("--unpaired", action="store_true",
        help="outputs and targets are not pairs: only metrics of sets")
    add("--output", type=word, metavar="LABEL",
        help="the output of a run: fake_B, fake_A, ... (fake_B if there is one)")
    add("--results_dir", type=any_path, default=Path("results"), metavar="DIR",
        help="folder of the results of test.py (%(default)s)")
    add("--checkpoints_dir", type=any_path, default=Path("checkpoints"), metavar="DIR",
        help="folder of the runs, which tell if their images are pairs (%(default)s)")
    add("--value_range", type=value_range, metavar="LO,HI",
        help="values that mean black and white (the range of the file's type)")
    add("--nan_value", type=finite_float, metavar="V",
        help="pixels that hold V have no value, beside NaN and the nodata of a GeoTIFF")
    add("--on_bad_image", choices=("error", "skip"), default="error",
        help="error: stop at an unreadable image; skip: leave it and its partner out")


def add_metrics_and_results(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("metrics").add_argument
    add("--metrics", nargs="+", choices=available(), metavar="NAME",
        help=f"{', '.join(available())} (all that can run)")
    for flag, text in requirements().items():
        add(f"--{flag}", type=any_path, metavar="FILE", help=text)
    add("--download_weights", action="store_true", help="let libraries download missing weights")
    add("--palette", type=any_path, metavar="FILE",
        help="colours of labels, a line R G B NAME each (found in the targets)")
    add("--gpu_ids", type=gpu_list, metavar="N",
        help="GPU of the feature networks; -1: the CPU (a GPU if there is one)")
    add = parser.add_argument_group("results").add_argument
    add("--html", type=any_path, metavar="FILE",
        help="the page (a folder for the compared images in evaluation/ of --results_dir)")
    add("--no_html", action="store_true", help="write no page")
    add("--json", type=any_path, metavar="FILE", help="write everything as JSON")
    add("--csv", type=any_path, metavar="FILE", help="write a line for every image")


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    with naming_skip_flag(args.on_bad_image):
        compare(args)


def compare(args: argparse.Namespace) -> None:
    sets = find_runs(
        args.run, results_dir=args.results_dir, checkpoints_dir=args.checkpoints_dir,
        label=args.output, unpaired=args.unpaired,
    ) if args.run else [of_folders(args.fake, args.real, unpaired=args.unpaired)]
    sets = [replace(compared, nan_value=args.nan_value) for compared in sets]
    if args.on_bad_image == "skip":
        sets = readable_sets(sets)
    names = args.metrics or available()
    limits = ValueRange(*args.value_range) if args.value_range else None
    palette, no_palette = find_colours(args.palette, names, sets, limits)
    settings = Settings(
        device=choose_device(args.gpu_ids), download=args.download_weights,
        weights={flag: getattr(args, flag) for flag in requirements() if getattr(args, flag)},
        palette=palette, no_palette=no_palette,
        side=usual_side(sets) if any(find_metric(name).needs_side for name in names) else None,
    )
    evaluations: dict[str, Evaluation] = {}
    for compared in sets:
        log.info("%s: %s", compared.name, compared.describe())
        evaluations[compared.name] = measure(compared, names, settings, limits)
    for line in table(evaluations):
        log.info("%s", line)
    if not any(evaluation.scores for evaluation in evaluations.values()):
        raise ValueError("no metric has a score, so nothing is written; the lines above tell why")
    write(args, sets, evaluations, palette)


def find_colours(
    file: Path | None, names: Sequence[str], sets: Sequence[ComparedSet], limits: ValueRange | None
) -> tuple[Palette | None, str]:
    """Return the palette if a metric needs one, and otherwise the reason why there is none."""
    if file:
        return read_palette(file), ""
    if not any(find_metric(name).needs_palette for name in names):
        return None, ""
    targets = [files.real for files in sets[0].files if files.real]
    step = -(-len(targets) // PALETTE_IMAGES)
    images = (MetricImage.read(path, limits).levels() for path in targets[::step])
    try:
        palette = find_palette(levels for levels in images if levels is not None)
    except NoPaletteError:
        return None, "the targets are other images (--palette FILE names colours)"
    log.info("%d colours of labels found in the targets", len(palette))
    return palette, ""


def measure(
    compared: ComparedSet, names: Sequence[str], settings: Settings, limits: ValueRange | None
) -> Evaluation:
    of_pairs = {name: "compares pairs, and these images are not pairs"
                for name in names if find_metric(name).paired and compared.unpaired}
    metrics, missing = create_metrics([name for name in names if name not in of_pairs], settings)
    with_inputs = any(metric.needs_input for metric in metrics.values())
    use = ValueUse(limits)
    examples = use.watch(compared.examples(limits, with_inputs=with_inputs))
    evaluation = evaluate(examples, metrics)
    evaluation.left_out |= of_pairs | missing
    about_values = use.warnings()
    evaluation.warnings += [*about_values, *compared.warnings]
    evaluation.shown = use.shown()
    if not any(use.taken() in line for line in about_values):
        log.info("%s", use.taken())
    return evaluation


def write(
    args: argparse.Namespace, sets: Sequence[ComparedSet], evaluations: Mapping[str, Evaluation],
    palette: Palette | None,
) -> None:
    for path, text in ((args.json, as_json(evaluations, palette)), (args.csv, as_csv(evaluations))):
        if path:
            write_text(path, text)
            log.info("wrote %s", path)
    if not args.no_html:
        page = args.html or default_page(args.results_dir, sets)
        write_report_page(page, sets, evaluations)


if __name__ == "__main__":
    run_program(main)
