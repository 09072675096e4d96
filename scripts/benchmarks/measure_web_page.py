"""Count the work of web/index.html at several ages of a run: it should not grow (Linux).

    python scripts/benchmarks/measure_web_page.py --epochs 2 100 1000

The work is counted in bytes read and written (/proc/self/io), calls of Python functions, rows of
the page, and once in CPU time. Every epoch has 10 loss reports and one row of 3 images; every
measured epoch draws the curves.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
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
    columns = "%6s %12s %14s %8s %10s %8s"
    args = parser.parse_args(argv)
    for epoch in (1, *args.epochs):  # the first one only loads modules and fonts
        with tempfile.TemporaryDirectory() as folder:
            row = measure(Path(folder), epoch)
        if epoch == 1:
            row = ("epoch", "bytes read", "bytes written", "rows", "calls", "CPU ms")
        log.info(columns, *row)


def measure(run_dir: Path, epoch: int) -> tuple[str, ...]:
    """Continue a run of ``epoch - 2`` epochs, and return the work of the second epoch after it."""
    csv_log = CsvLog(run_dir / "losses.csv")
    for earlier in range(1, epoch - 1):
        report_losses(csv_log, earlier)
        for label in _LABELS:
            save_picture(noise(), run_dir / "web" / "images" / f"epoch{earlier:03d}_{label}.png")
    web = WebPage(run_dir, name="measured", width_px=256, options={"lr": 0.0002})
    if epoch > 1:
        run_epoch(web, csv_log, epoch - 1)
    before, cpu_start = bytes_moved(), time.process_time()
    run_epoch(web, csv_log, epoch)
    cpu_ms = 1000 * (time.process_time() - cpu_start)
    read, written = (after - earlier for after, earlier in zip(bytes_moved(), before, strict=True))
    rows = (run_dir / "web" / "index.html").read_text().count("<h3>")
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    run_epoch(web, csv_log, epoch + 1)
    sys.setprofile(None)
    return (str(epoch), f"{read:,}", f"{written:,}", str(rows), f"{calls:,}", f"{cpu_ms:.0f}")


def run_epoch(web: WebPage, csv_log: CsvLog, epoch: int) -> None:
    web.start_epoch(progress(epoch, 0))
    report_losses(csv_log, epoch, web)
    images = {label: noise() for label in _LABELS}
    web.pictures(PictureReport(progress(epoch, _EPOCH_SIZE), images, keep=True))
    web.end_epoch(progress(epoch, _EPOCH_SIZE))
    web.close()  # draws the curves, whenever they were drawn last


def report_losses(csv_log: CsvLog, epoch: int, web: WebPage | None = None) -> None:
    for number in range(1, _REPORTS + 1):
        losses = {name: np.random.rand() for name in ("G_GAN", "G_L1", "D_real", "D_fake")}
        place = progress(epoch, number * _EPOCH_SIZE // _REPORTS)
        report = LossReport(place, losses, 0.1, 0.01, 2e-4)
        csv_log.losses(report)
        if web:
            web.losses(report)


def progress(epoch: int, epoch_images: int) -> Progress:
    images = (epoch - 1) * _EPOCH_SIZE + epoch_images
    return Progress(epoch, 2000, images, epoch_images, _EPOCH_SIZE)


def noise() -> np.ndarray:
    return np.random.randint(0, 256, (8, 8, 3), dtype=np.uint8)


def bytes_moved() -> tuple[int, int]:
    """Return the bytes that this process has read and written, files of the page cache included."""
    lines = Path("/proc/self/io").read_text().splitlines()
    counts = dict(line.split(": ") for line in lines)
    return int(counts["rchar"]), int(counts["wchar"])


if __name__ == "__main__":
    run_program(main)
