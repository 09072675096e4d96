"""Train 2,000 steps through train.py and judge whether memory and step time stay flat.

    python scripts/benchmarks/soak_growth.py --plot docs/images/no_growth.png        # make soak

Displays, saves and one worker are on, as in a real run; pictures are small. Exit code 1 where the
second half of a run grows. Uses the CPU.
"""

import argparse
import csv
import logging
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from scripts.benchmarks.growth import (  # noqa: E402  (the script is run as a program, from anywhere)
    Sample,
    cpu_times,
    faults,
    growth,
    step_times,
)
from scripts.benchmarks.soak import draw_pictures  # noqa: E402
from util.flags import positive_int  # noqa: E402
from util.text import format_bytes  # noqa: E402

log = logging.getLogger(__name__)

PICTURES = 100  # an epoch
SMALL = (
    "--gpu_ids -1 --ngf 8 --ndf 8 --load_size 140 --display_id 0 --num_threads 1 --pool_size 20 "
    "--use_tensorboard --print_freq 20 --display_freq 100 --update_html_freq 200 "
    "--save_latest_freq 300 --save_epoch_freq 5 --keep_epochs 1 --n_epochs_decay 1"
)
FLAGS = {
    "pix2pix": "--model pix2pix --netG unet_128 --crop_size 128",
    "cycle_gan": "--model cycle_gan --netG resnet_6blocks --crop_size 64",
}


def resident(pid: int) -> int:
    """Bytes of a program and of all that it started; 0 where it has ended. Linux only.

    Without the files of libraries, whose pages other programs may share. What the program shares
    with its workers is counted once.
    """
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    kilobytes = [
        int(line.split()[1]) for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:"))
    ]
    return 1024 * sum(kilobytes) + sum(resident(child) for child in children(pid))


def cpu_seconds(pid: int) -> float:
    """Of a program without its workers; 0 where it has ended. Linux only."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            parent = stat.read_text().rpartition(")")[2].split()[1]  # the name may hold blanks
            if int(parent) == pid:
                found.append(int(stat.parent.name))
    return found


def run(folder: Path, model: str, *, steps: int) -> tuple[list[Sample], list[float]]:
    """Train; the samples of its memory and the seconds of its steps, one for each line of losses.

    Raises:
        CalledProcessError: train.py failed.
    """
    draw_pictures(folder / "pictures", count=PICTURES, side=140)
    epochs = max(2, -(-steps // PICTURES))
    words = f"{SMALL} {FLAGS[model]} --n_epochs {epochs - 1} --name {model}".split()
    place = ["--dataroot", str(folder / "pictures"), "--checkpoints_dir", str(folder)]
    command = [sys.executable, str(ROOT / "train.py"), *place, *words]
    losses = folder / model / "losses.csv"
    samples: list[Sample] = []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            time.sleep(0.5)
            rows, held, used = read(losses), resident(process.pid), cpu_seconds(process.pid)
            if rows and held and int(rows[-1]["images"]) > (samples[-1].steps if samples else 0):
                samples.append(Sample(int(rows[-1]["images"]), held, used))
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return samples, [float(row["seconds"]) for row in read(losses)]


def read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open() as file:
        return list(csv.DictReader(file))


def plot(path: Path, runs: dict[str, tuple[list[Sample], list[float]]]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, (memory, pace) = pyplot.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for model, (samples, seconds) in runs.items():
        steps = [sample.steps for sample in samples]
        memory.plot(steps, [sample.resident / 2**20 for sample in samples], label=model)
        places = np.linspace(0, steps[-1], len(seconds) + 1)[1:]
        pace.plot(places, [1000 * value for value in seconds], label=model)
    memory.set(xlabel="steps", ylabel="memory (MB)", ylim=(0, None))
    pace.set(xlabel="steps", ylabel="time of a step (ms)", ylim=(0, None))
    memory.legend()
    figure.savefig(path, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--steps", type=positive_int, default=2000, help="of each model")
    parser.add_argument("--model", choices=tuple(FLAGS), nargs="+", default=list(FLAGS))
    parser.add_argument("--plot", type=Path, help="write the figure here (.png or .svg)")
    opt = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    bad, runs = 0, {}
    for model in opt.model:
        with tempfile.TemporaryDirectory() as folder:
            samples, seconds = runs[model] = run(Path(folder), model, steps=opt.steps)
        found = faults(samples, seconds)
        bad += bool(found)
        late = [sample for sample in samples if sample.steps >= samples[-1].steps / 2]
        log.info(
            "%s: %d steps; memory %s half way, %s at the end, %+.2f MB for 1,000 steps; "
            "a step %.1f ms in the second quarter, %.1f ms in the last, of the CPU %.1f and "
            "%.1f ms: %s",
            model, samples[-1].steps, format_bytes(late[0].resident),
            format_bytes(samples[-1].resident),
            growth(late) / 2**20,
            *(1000 * value for value in (*step_times(seconds), *cpu_times(samples))),
            "; ".join(found) or "flat",
        )
    if opt.plot:
        plot(opt.plot, runs)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
