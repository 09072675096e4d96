"""Measure what displays cost a training: step time with visdom in every state.

    python scripts/benchmarks/displays.py --out displays.md

Trains a small model on noise, in turn with no display, with the web page, and with a visdom server
that is up, missing, hung (SIGSTOP) from a third of the run on, or killed after one third and
started anew after two. Starting a server keeps a core busy for seconds: one state without a
display tells what that alone costs. The states are interleaved, so that a slow minute of the
machine hits all of them. The first epoch warms up and does not count. The server needs no network;
its page stays blank, which costs the training nothing.
"""

import argparse
import csv
import logging
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from scripts.benchmarks.visdom_process import Server  # noqa: E402
from util.files import write_text  # noqa: E402
from util.flags import positive_int  # noqa: E402
from util.runtime import run_program  # noqa: E402

log = logging.getLogger(__name__)

NONE, BESIDE, PAGE, RESTARTED = "none", "beside", "page", "restarted"
LABELS = {
    NONE: "none",
    BESIDE: "none, while a visdom server starts",
    PAGE: "web page",
    "up": "visdom, up",
    "missing": "visdom, not there",
    "hung": "visdom, hung",
    RESTARTED: "visdom, killed and restarted",
}
STATES = tuple(LABELS)
_IMAGES = 200  # of an epoch
_PRINT = 20  # steps between two reports


@dataclass(frozen=True)
class Run:
    step_ms: float  # mean
    slowest_ms: float  # mean of the slowest report
    exit_seconds: float  # from the last save to the end of the process
    points: str  # of the loss curve on the server at the end, of those in losses.csv


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=positive_int, default=3, help="runs of each state")
    parser.add_argument("--epochs", type=positive_int, default=4,
                        help=f"of each run, {_IMAGES} steps each; at least 3")
    parser.add_argument("--out", type=Path, help="write the table there (default: show it)")
    opt = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        table = measure(Path(folder), repeats=opt.repeats, epochs=opt.epochs)
    if opt.out:
        write_text(opt.out, table)
    else:
        log.info("%s", table)


def measure(folder: Path, *, repeats: int, epochs: int) -> str:
    draw_noise(folder / "data" / "train")
    runs: dict[str, list[Run]] = {state: [] for state in STATES}
    train(folder, -1, NONE, epochs=2)  # fills the caches of the file system
    for number in range(repeats):
        for state in STATES:
            runs[state].append(train(folder, number, state, epochs=epochs))
            log.info("%d: %s: %s", number + 1, state, runs[state][-1])
    return as_table(runs, epochs=epochs)


def draw_noise(folder: Path) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(_IMAGES):
        pixels = rng.integers(0, 256, (64, 128, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


def train(folder: Path, number: int, state: str, *, epochs: int) -> Run:
    """One run of train.py; the server goes through ``state`` meanwhile."""
    name = f"{STATES.index(state)}_{number}"
    run_dir = folder / "runs" / name
    server = Server(folder / "visdom")
    if state in ("up", "hung", RESTARTED):
        server.start()
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, ROOT / "train.py", *flags(folder, name, state, server.port, epochs)],
        stdout=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1", "NO_PROXY": "*"},
    )
    try:
        for share, event in events(state, server):
            wait_for_rows(process, run_dir / "losses.csv", round(share * epochs * _IMAGES / _PRINT))
            event()
        if process.wait() != 0:
            raise ValueError(f"train.py ended with {process.returncode} after "
                             f"{time.monotonic() - begun:.0f} s; run it by hand to see why")
        exit_seconds = time.time() - (run_dir / "latest_state.pth").stat().st_mtime
        rows = read_seconds(run_dir / "losses.csv")
        has_curve = state in ("up", RESTARTED)
        points = f"{server.points()} of {len(rows)}" if has_curve else "-"
    finally:
        process.kill()
        server.stop()
    steady = [1000 * seconds for seconds in rows[_IMAGES // _PRINT :]]
    return Run(statistics.mean(steady), max(steady), exit_seconds, points)


def flags(folder: Path, name: str, state: str, port: int, epochs: int) -> list[str]:
    small = (
        "--model pix2pix --netG unet_128 --ngf 4 --ndf 4 --load_size 128 --crop_size 128 "
        f"--gpu_ids -1 --num_threads 0 --print_freq {_PRINT} --display_freq 100 "
        f"--n_epochs {epochs} --n_epochs_decay 0"
    )
    page = "" if state == PAGE else "--no_html"
    visdom = "--display_id 0" if state in (NONE, BESIDE, PAGE) else f"--display_port {port}"
    places = ["--dataroot", folder / "data", "--checkpoints_dir", folder / "runs", "--name", name]
    return [*map(str, places), *small.split(), *page.split(), *visdom.split()]


def events(state: str, server: Server) -> list[tuple[float, Callable[[], None]]]:
    """What happens to the server, after which share of the run."""
    if state == "hung":
        return [(1 / 3, lambda: server.signal(signal.SIGSTOP))]
    if state == BESIDE:
        return [(2 / 3, server.start)]
    if state == RESTARTED:
        return [(1 / 3, server.stop), (2 / 3, server.start)]
    return []


def wait_for_rows(process: subprocess.Popen[bytes], path: Path, count: int) -> None:
    while process.poll() is None and (not path.exists() or len(read_seconds(path)) < count):
        time.sleep(0.1)


def read_seconds(path: Path) -> list[float]:
    with path.open(newline="") as file:
        return [float(row["seconds"] or "nan") for row in csv.DictReader(file)]


def as_table(runs: dict[str, list[Run]], *, epochs: int) -> str:
    baseline = statistics.median(run.step_ms for run in runs[NONE])
    lines = [
        "| displays | step (ms) | against none | slowest 20 steps (ms) | exit (s) | curve |",
        "|---|---|---|---|---|---|",
    ]
    for state, repeats in runs.items():
        step = statistics.median(run.step_ms for run in repeats)
        slowest = statistics.median(run.slowest_ms for run in repeats)
        exit_seconds = max(run.exit_seconds for run in repeats)
        lines.append(
            f"| {LABELS[state]} | {step:.1f} | {step / baseline - 1:+.1%} | {slowest:.1f} "
            f"| {exit_seconds:.1f} | {repeats[-1].points} |"
        )
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "visdom", "tornado"))
    repeats_each = len(runs[NONE])
    lines += [
        "",
        f"Medians of {repeats_each} runs of {(epochs - 1) * _IMAGES} steps; exit: the longest. "
        f"{time.strftime('%d %B %Y')}, Python {platform.python_version()}, {packages}, "
        f"{os.cpu_count()} cores ({platform.machine()}).",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    run_program(main)
