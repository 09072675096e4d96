"""Count the work of web/index.html at several ages of a run: it should not grow with the age.

    python scripts/benchmarks/measure_web_page.py --epochs 2 100 1000

Work, not time: bytes read and written (Linux counts them in /proc/self/io), calls of Python
functions, rows of the page; and for once the CPU's time. Every epoch has 10 loss reports and one
row of 3 pictures, and every measured one draws the curves.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from display.images import save_picture
from display.reports import LossReport, PictureReport, Progress
from display.sinks.csv_sink import CsvLog
from display.sinks.web_page_sink import WebPage
from util.flags import positive_int
from util.runtime import run_program

log = logging.getLogger(__name__)

_REPORTS = 10
_EPOCH_SIZE = 400
_LABELS = ("real_A", "fake_B", "real_B")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=positive_int, nargs="+", default=[2, 100, 1000])
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        run_epoch(WebPage(Path(folder), name="first", width_px=256, options={}),
                  CsvLog(Path(folder) / "losses.csv"), 1)  # imports, fonts
    log.info("%6s %12s %14s %8s %10s %8s", "epoch", "bytes read", "bytes written", "rows",
             "calls", "CPU ms")
    for epoch in args.epochs:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), epoch)


def measure(run_dir: Path, epoch: int) -> None:
    """Go on with a run of ``epoch - 2`` epochs; measure the second epoch after that."""
    csv_log = CsvLog(run_dir / "losses.csv")
    for earlier in range(1, epoch - 1):
        report_losses(csv_log, earlier)
        for label in _LABELS:
            save_picture(noise(8), run_dir / "web" / "images" / f"epoch{earlier:03d}_{label}.png")
    web = WebPage(run_dir, name="measured", width_px=256, options={"lr": 0.0002})
    if epoch > 1:
        run_epoch(web, csv_log, epoch - 1)
    read, written = bytes_moved()
    begun = time.process_time()
    run_epoch(web, csv_log, epoch)
    cpu_ms = 1000 * (time.process_time() - begun)
    now_read, now_written = bytes_moved()
    rows = (run_dir / "web" / "index.html").read_text().count("<h3>")
    calls = count_calls(lambda: run_epoch(web, csv_log, epoch + 1))
    log.info("%6d %12s %14s %8d %10s %8.0f", epoch, f"{now_read - read:,}",
             f"{now_written - written:,}", rows, f"{calls:,}", cpu_ms)


def count_calls(function: Callable[[], None]) -> int:
    """Functions called, those written in C included."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    function()
    sys.setprofile(None)
    return calls


def run_epoch(web: WebPage, csv_log: CsvLog, epoch: int) -> None:
    place = progress(epoch, _EPOCH_SIZE)
    web.start_epoch(progress(epoch, 0))
    report_losses(csv_log, epoch, web)
    pictures = {label: noise(8) for label in _LABELS}
    web.pictures(PictureReport(place, pictures, keep=True))
    web.end_epoch(place)
    web.close()  # draws the curves, whenever they were drawn last


def report_losses(csv_log: CsvLog, epoch: int, web: WebPage | None = None) -> None:
    for number in range(1, _REPORTS + 1):
        place = progress(epoch, number * _EPOCH_SIZE // _REPORTS)
        losses = {name: float(value) for name, value in
                  zip(("G_GAN", "G_L1", "D_real", "D_fake"), np.random.rand(4), strict=True)}
        report = LossReport(place, losses, 0.1, 0.01, 2e-4)
        csv_log.losses(report)
        if web:
            web.losses(report)


def progress(epoch: int, epoch_images: int) -> Progress:
    images = (epoch - 1) * _EPOCH_SIZE + epoch_images
    return Progress(epoch, 2000, images, epoch_images, _EPOCH_SIZE)


def noise(side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.randint(0, 256, (side, side, 3), dtype=np.uint8)


def bytes_moved() -> tuple[int, int]:
    """Read and written by this process so far, files of the page cache included."""
    lines = Path("/proc/self/io").read_text().splitlines()
    counts = dict(line.split(": ") for line in lines)
    return int(counts["rchar"]), int(counts["wchar"])


if __name__ == "__main__":
    run_program(main)
