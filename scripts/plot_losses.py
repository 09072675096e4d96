"""Draw the losses of one or more runs into one image, at any time, also during the training.

    python scripts/plot_losses.py maps_pix2pix
    python scripts/plot_losses.py maps_pix2pix maps_wgan --losses G_L1 D_real --x images

A run is a name in --checkpoints_dir, or the path of its folder. The losses of one run are grouped
by kind and size, in the colours of its web page. If several runs are given, each loss has a panel
and each run a colour; a run without a loss has no line in its panel. Tables that were renamed when
the losses changed (losses.1.csv, losses.2.csv, ...) are read as earlier parts of the run. A run of
another program of this family is read from its loss_log.txt.
"""

import argparse
import itertools
import logging
import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from util import interrupts

if __name__ == "__main__":
    interrupts.quit_at_signals()  # before imports that take seconds

from display.curve_drawing import DASHES, draw_figure, plot_smoothed, tidy
from display.curve_file import read_curves
from display.curves import OTHER_VALUES, Curves
from display.loss_groups import line_styles, split_columns
from display.loss_log_file import read_loss_log
from display.reports import is_value
from scripts.command_line import new_parser
from util.disk.text_files import read_csv
from util.files import replacing
from util.flags import any_path, non_negative_int, word
from util.runtime import run_program

log = logging.getLogger(__name__)

LOSS_LOG = "loss_log.txt"
_COLUMNS = 3  # panels side by side


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = new_parser(__doc__)
    add = parser.add_argument
    add("runs", nargs="+", metavar="RUN", help="name or folder of a run")
    add("--losses", type=word, nargs="+", metavar="NAME",
        help=f"what to draw, {', '.join(OTHER_VALUES)} too (all losses)")
    add("--x", choices=("epochs", "images"), default="epochs", help="horizontal axis (%(default)s)")
    add("--smooth", type=non_negative_int, default=0, metavar="POINTS",
        help="draw the mean over this many points before and after each point "
        "(0: a 20th of all points)")
    add("--output", type=any_path, metavar="FILE",
        help="file to write, .svg, .png or .pdf (compared_losses.svg in the folder of the first "
        "run)")
    add("--checkpoints_dir", type=any_path, default=Path("checkpoints"),
        help="folder of the runs (%(default)s)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    folders = [find_run(run, args.checkpoints_dir) for run in args.runs]
    output = args.output or folders[0] / "compared_losses.svg"
    if output.suffix not in (".svg", ".png", ".pdf"):
        raise ValueError(f"--output must end in .svg, .png or .pdf, got {output}")
    runs = {}
    for given, folder in zip(args.runs, folders, strict=True):
        runs[folder.name if folder.name not in runs else given] = read_run(folder, x=args.x)
    names = choose(runs, args.losses)
    label = "epoch" if args.x == "epochs" else "images seen"
    if len(runs) == 1:
        (title, run), = runs.items()
        figure, _ = draw_figure(run, names, title=title, label=label, window=args.smooth)
    else:
        figure = compare(runs, names, label=label, window=args.smooth)
    with replacing(output) as aside:
        figure.savefig(aside, dpi=120)
    log.info("wrote %s", output)


def find_run(run: str, checkpoints_dir: Path) -> Path:
    for folder in (checkpoints_dir / run, Path(run)):
        if tables(folder) or (folder / LOSS_LOG).is_file():
            return folder.resolve()
    known = sorted({path.parent.name for name in ("losses.csv", LOSS_LOG)
                    for path in checkpoints_dir.glob(f"*/{name}")})
    raise FileNotFoundError(f"no losses.csv or {LOSS_LOG} in {checkpoints_dir / run} nor in "
                            f"{Path(run)}; runs in {checkpoints_dir}: {', '.join(known) or 'none'}")


def tables(folder: Path) -> list[Path]:
    """Return losses.1.csv, losses.2.csv, ..., losses.csv: the oldest first."""
    aside = [path for path in folder.glob("losses.*.csv") if path.name.split(".")[1].isdigit()]
    aside.sort(key=lambda path: int(path.name.split(".")[1]))
    return [*aside, *folder.glob("losses.csv")]


def read_run(folder: Path, *, x: str) -> Curves:
    """Return the run's curves over the epoch with its fraction, or over the images seen.

    The images are computed from the epochs, because a run that starts from the weights of another
    counts its images from 0 again.
    """
    paths = tables(folder)
    if len(paths) > 1:
        log.info("%s: read as one run: %s", folder.name, ", ".join(path.name for path in paths))
    run, epoch_size = read_loss_log(folder / LOSS_LOG)
    if paths:
        epoch_size = find_epoch_size(paths)
    for number, path in enumerate(paths):
        table = read_curves(path, epoch_size=epoch_size)
        if number == 0 and table.epochs and (not run.epochs or table.epochs[0] <= run.epochs[0]):
            run = Curves()  # the table is complete, and more precise
        for place, epoch in enumerate(table.epochs):
            run.forget_from(epoch)
            run.add(epoch, table.values_at(place))
    if not run.epochs:
        name = paths[-1].name if paths else LOSS_LOG
        raise ValueError(f"{folder} has no losses yet: {name} holds no complete row")
    if x == "images":
        run.epochs = [epoch * epoch_size for epoch in run.epochs]
    return run


def find_epoch_size(paths: Sequence[Path]) -> int:
    """Return the images per epoch: the largest count of a row within its epoch.

    Every epoch ends with a row, so the result is exact after the first epoch. Until then the curve
    is stretched to one epoch.
    """
    sizes = [1]
    for path in paths:
        ends = {"": 0}  # epoch -> images at its last row, in older files without epoch_images
        for row in read_csv(path, advice="move it out of the folder"):
            with suppress(ValueError, TypeError, KeyError):  # an incomplete line
                if "epoch_images" in row:
                    sizes.append(int(row["epoch_images"]))
                else:
                    ends[row["epoch"]] = int(row["images"])
        sizes += [end - start for start, end in itertools.pairwise(ends.values())]
    return max(sizes)


def choose(runs: Mapping[str, Curves], wanted: Sequence[str] | None) -> list[str]:
    """Return the losses to draw, in the order of the runs."""
    known = list(dict.fromkeys(name for run in runs.values() for name in run.losses))
    losses = [name for part in split_columns(known) for name in part]
    missing = [name for name in wanted or () if name not in known]
    if missing:
        raise ValueError(f"--losses {' '.join(missing)}: no run has them; there are "
                         f"{', '.join(losses)} and {', '.join(OTHER_VALUES)}")
    return list(wanted or losses)


def compare(runs: Mapping[str, Curves], names: Sequence[str], *, label: str, window: int) -> Any:
    """Return a figure with a panel for each loss, and a line for each run."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    columns = min(_COLUMNS, len(names))
    rows = math.ceil(len(names) / columns)
    figure = Figure(figsize=(1.5 + 4 * columns, 0.8 + 2.7 * rows), layout="constrained")
    panels = list(figure.subplots(rows, columns, sharex=True, squeeze=False).flat)
    handles, styles = {}, line_styles(runs)
    for axes, name in zip(panels, names, strict=False):
        for title, run in runs.items():
            if name in run.losses:
                measured = is_value(name)  # a validation has few points
                places, values = (run.known(name) if measured else run).thinned()
                style = {"color": styles[title].colour, "linestyle": DASHES[styles[title].dash]}
                if measured or name == "lr":  # the rate has no noise, and its corners stay sharp
                    axes.plot(places, values[name], marker="." if measured else "", **style)
                else:
                    plot_smoothed(axes, places, values[name], window=window, **style)
                handles[title] = axes.lines[-1]
        axes.set_title(name, fontsize=10)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_tick_params(labelbottom=True)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    tidy(panels[: len(names)])
    figure.supxlabel(label, fontsize=10)
    figure.legend(handles.values(), handles.keys(), loc="outside upper left", ncols=2 * columns,
                  frameon=False)
    return figure


if __name__ == "__main__":
    run_program(main)
