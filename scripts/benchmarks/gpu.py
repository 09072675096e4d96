"""Measure training steps on a GPU: the reference, our default, and single flags.

    scripts/benchmarks/gpu.sh RESULTS           the GPU tests first, then this program
    python scripts/benchmarks/gpu.py --out RESULTS --cpu --size small     a try without a GPU

It writes gpu.json, gpu.md (one table) and profile.txt (the kernels of a default step). The batches
are prepared before the timing; the last rows are epochs of train.py, from files to weights, and
tests by test.py, from files to the page.
"""

import argparse
import gc
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle, pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
from torch.profiler import ProfilerActivity, profile

from scripts.benchmarks.common import (
    ROOT,
    Rows,
    Spread,
    machine_facts,
    markdown,
    seconds_of,
    spread,
    synchronise,
)
from scripts.benchmarks.contenders import Case, Contender, ours, reference
from scripts.benchmarks.gpu_tests import tests_of
from scripts.benchmarks.run import CASES, provide_images
from scripts.command_line import new_parser
from util.flags import positive_float, positive_int
from util.runtime import choose_device, run_program

log = logging.getLogger(__name__)

FLAGS = (
    "", "--exact", "--exact --cuda_graph", "--exact --cuda_graph --precision bf16", "--fused",
    "--fused --precision bf16",
)
WARM_UP = 8  # steps; the fourth is recorded
BATCHES = 8


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = new_parser(__doc__)
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="FOLDER", help="folder of the results")
    add("--size", choices=tuple(CASES), default="full", help="networks and images (%(default)s)")
    add("--seconds", type=positive_float, default=2.5, help="duration of a measurement")
    add("--images", type=positive_int, default=400, help="images of an epoch of train.py")
    add("--epochs", type=positive_int, default=3, help="epochs of train.py; the first warms up")
    add("--pictures", type=Path, metavar="FOLDER",
        help="folder with train (pairs), trainA and trainB (default: generated images)")
    add("--cpu", action="store_true", help="use the CPU even if there is a GPU")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    logging.getLogger().setLevel(logging.WARNING)
    log.setLevel(logging.INFO)
    device = choose_device([] if args.cpu else None)
    args.out.mkdir(parents=True, exist_ok=True)
    facts = machine_facts(device) | {"cuda": torch.version.cuda, "size": args.size}
    rows: Rows = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        provide_images(root, args.images, args.pictures)
        for case in (replace(case, root=root, device=device) for case in CASES[args.size]):
            for name, row in steps_of(case, args.seconds):
                rows[f"{case.model} {case.netG}, batch {case.batch}: {name}"] = row
                log.info("%s", markdown({name: row}))
                write(args.out, facts, rows)
        first = replace(CASES[args.size][0], root=root, device=device)
        (args.out / "profile.txt").write_text(kernels(first))
        for flags in ("", "--exact"):
            row = epochs_of(first, flags, args.epochs)
            rows[f"train.py, {first.model}, batch 1: {flags or 'default'}"] = row
            write(args.out, facts, rows)
        # A CycleGAN has four passes and six files for each image.
        second = replace(CASES[args.size][2], root=root, device=device)
        for case, count in ((first, -(-args.images // 2)), (second, -(-args.images // 8))):
            for name, row in tests_of(case, count):
                rows[f"test.py, {case.model}, {count} images, end to end: {name}"] = row
                write(args.out, facts, rows)
    log.info("\n%s\n\nwritten to %s", markdown(rows), args.out)


def write(folder: Path, facts: dict[str, object], rows: Rows) -> None:
    """Write gpu.json and gpu.md after every row, so that an interruption loses only one."""
    text = json.dumps({"machine": facts, "rows": rows}, indent=2, default=str)
    (folder / "gpu.json").write_text(text + "\n")
    heading = ", ".join(f"{name}: {value}" for name, value in facts.items())
    (folder / "gpu.md").write_text(f"{heading}\n\n{markdown(rows)}\n")


def steps_of(case: Case, seconds: float) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the rows of the reference and of each set of flags; failures become a row."""
    makers: dict[str, Callable[[], Contender]] = {"reference": partial(reference, case, 0)}
    makers |= {flags or "default": partial(ours, case, f"--num_threads 0 --overwrite {flags}")
               for flags in FLAGS}
    base = float("nan")
    for name, make in makers.items():
        try:
            rate, others = measured(make, case, seconds)
            base = rate[0] if name == "reference" else base
            row = {"images/s": rate, "times reference": rate[0] / base} | others
        except (RuntimeError, SystemExit) as error:
            row = {"images/s": f"failed: {str(error).splitlines()[0][:80]}"}
        yield name, row
        gc.collect()
        if case.device.type == "cuda":
            torch.cuda.empty_cache()


def measured(make: Callable[[], Contender], case: Case, seconds: float
             ) -> tuple[Spread, dict[str, object]]:
    """Return the images/s of a contender, and the other cells of its row."""
    if case.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    contender = make()
    batches = cycle([batch for batch, _ in zip(contender.batches(), range(BATCHES), strict=False)])
    first = seconds_of(lambda: contender.step(next(batches)), case.device)
    for _ in range(WARM_UP):
        contender.step(next(batches))
    rates: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(rates) < 3:
        taken = seconds_of(lambda: [contender.step(next(batches)) for _ in range(5)], case.device)
        rates.append(5 * case.batch / taken)
    peak = torch.cuda.max_memory_allocated() / 2**20 if case.device.type == "cuda" else 0.0
    return spread(rates), {"first step (s)": first, "peak (MiB)": peak}


def kernels(case: Case) -> str:
    """Return the table of the 25 kernels that take most of a default step."""
    own = ours(case, "--num_threads 0 --overwrite")
    batches = list(own.batches())[:WARM_UP]
    for batch in batches:
        own.step(batch)
    activity = ProfilerActivity.CUDA if case.device.type == "cuda" else ProfilerActivity.CPU
    with profile(activities=[activity]) as measurement:
        own.step(batches[0])
        synchronise(case.device)
    order = f"self_{'cuda' if case.device.type == 'cuda' else 'cpu'}_time_total"
    return str(measurement.key_averages().table(sort_by=order, row_limit=25)) + "\n"


def epochs_of(case: Case, flags: str, epochs: int) -> dict[str, object]:
    """Run train.py, and return the rate over the epochs after the first."""
    words = case.flags(f"--overwrite --n_epochs {epochs} --n_epochs_decay 0 "
                       f"--print_freq 100000 --display_freq 100000 {flags}")
    ends = []
    with subprocess.Popen([sys.executable, "-u", "train.py", *words], cwd=ROOT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if line.startswith("End of epoch"):
                ends.append(time.perf_counter())
    if run.returncode or len(ends) < 2:
        return {"images/s": "failed"}
    images = len(list((case.root / "train").iterdir()))
    return {"images/s": spread(images / (end - start) for start, end in pairwise(ends))}


if __name__ == "__main__":
    run_program(main)
