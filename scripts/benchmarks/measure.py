"""Measure one part of the program by itself.

    python scripts/benchmarks/measure.py saving
    python scripts/benchmarks/measure.py tiles --side 12000 --ngf 8
    python scripts/benchmarks/measure.py web_page --epochs 2 100 1000

saving: how long the training waits for a save of pix2pix's unet_256 at full width with Adam's two
moments, and how long a thread then writes. tiles: time and memory to translate a huge TIFF file in
tiles with test.py. web_page: the work for web/index.html at several ages of a run, which should not
grow (Linux).
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from cProfile import Profile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import test
from display.images import save_picture
from display.reports import LossReport, PictureReport, Progress
from display.sinks.csv_sink import CsvLog
from display.sinks.web_page_sink import WebPage
from models.networks import define_G
from scripts.benchmarks.common import peak_bytes
from scripts.command_line import new_parser
from training.saving.background_saver import BackgroundSaver
from util.checkpoint import tensor_bytes
from util.flags import positive_int
from util.runtime import choose_device, describe_device, run_program
from util.text import format_bytes

log = logging.getLogger(__name__)

_PATCH = 512  # pixels
_REPORTS, _EPOCH_SIZE = 10, 400  # loss reports and images of an epoch
_LABELS = ("real_A", "fake_B", "real_B")


def main(argv: Sequence[str] | None = None) -> None:
    parser = new_parser(__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    parts.add_parser("saving").add_argument("--saves", type=positive_int, default=5)
    add = parts.add_parser("tiles").add_argument
    add("--side", type=positive_int, default=600, help="side of the image (pixels)")
    add("--tile", type=positive_int, default=1024, help="side of a tile, halo included (pixels)")
    add("--ngf", type=positive_int, default=4)
    add("--folder", type=Path, help="keep source.tif, weights.pth and result/ here")
    add = parts.add_parser("web_page").add_argument
    add("--epochs", type=positive_int, nargs="+", default=[2, 100, 1000])
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as scratch:
        {"saving": saving, "tiles": tiles, "web_page": web_page}[args.part](args, Path(scratch))


def saving(args: argparse.Namespace, scratch: Path) -> None:
    device = choose_device(None)
    net = define_G(3, 3, 64, "unet_256", "batch").to(device)
    optimizer = torch.optim.Adam(net.parameters())
    for weight in net.parameters():
        weight.grad = torch.zeros_like(weight)
    optimizer.step()  # creates the moments
    state = {"networks": net.state_dict(), "optimizers": optimizer.state_dict()}
    log.info("%s on %s", format_bytes(tensor_bytes(state), digits=1), describe_device(device))
    log.info("training waits (s) | until on disk (s)")
    for _ in range(args.saves):
        saver = BackgroundSaver()
        start = time.perf_counter()
        saver.save({scratch / "latest_state.pth": state})
        waited = time.perf_counter() - start
        saver.wait()
        log.info("%18.2f | %17.2f", waited, time.perf_counter() - start)


def tiles(args: argparse.Namespace, scratch: Path) -> None:
    """The patches have very different contrast, which is hard for norms with global statistics."""
    import tifffile

    folder, side = args.folder or scratch, args.side
    folder.mkdir(parents=True, exist_ok=True)
    source, weights = folder / "source.tif", folder / "weights.pth"
    tifffile.imwrite(
        source, (patch(seed) for seed in range((-(-side // _PATCH)) ** 2)), shape=(side, side, 3),
        dtype=np.uint8, photometric="rgb", tile=(_PATCH, _PATCH), compression="zlib",
    )
    torch.manual_seed(0)
    # Kaiming's rule gives weights of realistic gain.
    net = define_G(3, 3, args.ngf, "resnet_6blocks", "instance", init_type="kaiming")
    torch.save(net.state_dict(), weights)
    log.info("%d x %d pixels, deflated: %s; before the network: %s of memory",
             side, side, format_bytes(source.stat().st_size), format_bytes(peak_bytes()))
    start, cpu_start = time.perf_counter(), time.process_time()
    test.test(["--weights", str(weights), "--dataroot", str(source),
               "--output_dir", str(folder / "result"), "--tile", str(args.tile), "--netG",
               "resnet_6blocks", "--ngf", str(args.ngf), "--no_dropout", "--gpu_ids", "-1"])
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    log.info("%.0f s, %.0f s of them computing; peak memory (RSS) %s", seconds, cpu_seconds,
             format_bytes(peak_bytes()))


def patch(seed: int) -> np.ndarray:
    """Return blurred blotches under noise, with a brightness, contrast and grain of their own."""
    rng = np.random.default_rng(seed)
    few = int(rng.integers(2, 40))
    blotches = Image.fromarray(rng.integers(0, 256, (few, few, 3), dtype=np.uint8))
    large = np.asarray(blotches.resize((_PATCH, _PATCH)), np.float32) - 128
    grain = rng.normal(0, 1, (_PATCH, _PATCH, 1)) * rng.uniform(0, 20)
    pixels = large * rng.uniform(0.1, 1) + grain + rng.uniform(60, 200)
    return pixels.clip(0, 255).astype(np.uint8)


def web_page(args: argparse.Namespace, scratch: Path) -> None:
    columns = "%6s %12s %14s %8s %10s %8s"
    log.info(columns, "epoch", "bytes read", "bytes written", "rows", "calls", "CPU ms")
    measure_epoch(scratch / "warm_up", 1)  # loads modules and fonts
    for number, epoch in enumerate(args.epochs):
        work = measure_epoch(scratch / str(number), epoch)
        log.info(columns, epoch, *(f"{value:,.0f}" for value in work))


def measure_epoch(run_dir: Path, epoch: int) -> tuple[float, ...]:
    """Continue a run of ``epoch - 2`` epochs, and return the work of the second epoch after it."""
    run_dir.mkdir()
    csv_log = CsvLog(run_dir / "losses.csv")
    for earlier in range(1, epoch - 1):
        report_losses(earlier, csv_log)
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
    profile = Profile()
    profile.runcall(run_epoch, web, csv_log, epoch + 1)
    calls = sum(entry.callcount for entry in profile.getstats())
    return read, written, rows, calls, cpu_ms


def run_epoch(web: WebPage, csv_log: CsvLog, epoch: int) -> None:
    web.start_epoch(progress(epoch, 0))
    report_losses(epoch, csv_log, web)
    images = {label: noise() for label in _LABELS}
    web.pictures(PictureReport(progress(epoch, _EPOCH_SIZE), images, keep=True))
    web.end_epoch(progress(epoch, _EPOCH_SIZE))
    web.close()  # draws the curves, whenever they were drawn last


def report_losses(epoch: int, *sinks: CsvLog | WebPage) -> None:
    for number in range(1, _REPORTS + 1):
        losses = {name: np.random.rand() for name in ("G_GAN", "G_L1", "D_real", "D_fake")}
        place = progress(epoch, number * _EPOCH_SIZE // _REPORTS)
        report = LossReport(place, losses, 0.1, 0.01, 2e-4)
        for sink in sinks:
            sink.losses(report)


def progress(epoch: int, epoch_images: int) -> Progress:
    images = (epoch - 1) * _EPOCH_SIZE + epoch_images
    return Progress(epoch, 2000, images, epoch_images, _EPOCH_SIZE)


def noise() -> np.ndarray:
    return np.random.randint(0, 256, (8, 8, 3), dtype=np.uint8)


def bytes_moved() -> tuple[int, int]:
    """Return the bytes that this process has read and written, files of the page cache included."""
    counts = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counts["rchar"]), int(counts["wchar"])


if __name__ == "__main__":
    run_program(main)
