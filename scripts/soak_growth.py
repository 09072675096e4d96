"""Train 2,000 steps through train.py and judge whether memory and step time stay flat.

    python scripts/soak_growth.py --plot docs/images/no_growth.png        # make soak

Displays, saves and one worker are on, as in a real run; pictures are small. Exit code 1 where the
second half of a run grows. Uses the CPU.
"""

import argparse
import csv
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from util.flags import positive_int  # noqa: E402  (the script is run as a program, from anywhere)

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
MOST_BYTES, MOST_SHARE = 5 * 2**20, 0.02  # that the memory may grow in 1,000 steps: the smaller
MOST_SLOWER = 0.1  # of the last quarter than the second


@dataclass(frozen=True)
class Sample:
    """``resident``: bytes of the program and its workers; ``cpu_seconds`` of the program alone."""

    steps: int  # taken so far
    resident: int
    cpu_seconds: float


def faults(samples: Sequence[Sample], seconds: Sequence[float]) -> list[str]:
    """What grew, as sentences; [] where nothing did.

    ``seconds``: of a step, over the run.

    Raises:
        ValueError: fewer than four samples or times in the second half.
    """
    end = samples[-1].steps if samples else 0
    late = [sample for sample in samples if sample.steps >= end / 2]
    if len(late) < 4 or len(seconds) < 8:
        raise ValueError(
            f"{len(late)} samples of the second half and {len(seconds)} times are too few to "
            "judge; wanted 4 and 8: run more steps"
        )
    found = []
    grown = growth(late)
    if grown > MOST_BYTES or grown > MOST_SHARE * late[0].resident:
        found.append(
            f"memory grows by {grown / 2**20:.1f} MB for 1,000 steps; allowed are "
            f"{MOST_BYTES / 2**20:.0f} MB and {MOST_SHARE:.0%}"
        )
    times = {"": step_times(seconds), " of the CPU": cpu_times(samples)}
    # Other programs on the machine move the first of them alone.
    if all(last > (1 + MOST_SLOWER) * second for second, last in times.values()):
        found += [
            f"a step takes {1000 * last:.1f} ms{of} in the last quarter, {1000 * second:.1f} ms "
            f"in the second; allowed are {MOST_SLOWER:.0%} more"
            for of, (second, last) in times.items()
        ]
    return found


def growth(samples: Sequence[Sample]) -> float:
    """Bytes for 1,000 steps: the median slope between any two samples (Theil and Sen)."""
    slopes = [
        (b.resident - a.resident) / (b.steps - a.steps)
        for index, a in enumerate(samples)
        for b in samples[index + 1 :]
        if b.steps > a.steps
    ]
    return 1000 * statistics.median(slopes)


def step_times(seconds: Sequence[float]) -> tuple[float, float]:
    """Medians of the second and of the last quarter."""
    quarter = len(seconds) // 4
    return (
        statistics.median(seconds[quarter : 2 * quarter]), statistics.median(seconds[-quarter:])
    )


def cpu_times(samples: Sequence[Sample]) -> tuple[float, float]:
    """Means of the second and of the last quarter, seconds of the CPU for a step."""
    end = samples[-1].steps

    def mean(first: float, last: float) -> float:
        within = [sample for sample in samples if first * end <= sample.steps <= last * end]
        steps = max(1, within[-1].steps - within[0].steps)
        return (within[-1].cpu_seconds - within[0].cpu_seconds) / steps

    return mean(0.25, 0.5), mean(0.75, 1)


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
    draw_pictures(folder / "pictures")
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


def draw_pictures(root: Path) -> None:
    """Noise, as pairs and as single pictures."""
    rng = np.random.default_rng(0)
    for folder, width in (("train", 280), ("trainA", 140), ("trainB", 140)):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for index in range(PICTURES):
            pixels = rng.integers(0, 256, (140, width, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / folder / f"{index}.png")


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
            "%s: %d steps; memory %.0f MB half way, %.0f MB at the end, %+.2f MB for 1,000 steps; "
            "a step %.1f ms in the second quarter, %.1f ms in the last, of the CPU %.1f and "
            "%.1f ms: %s",
            model, samples[-1].steps, late[0].resident / 2**20, samples[-1].resident / 2**20,
            growth(late) / 2**20,
            *(1000 * value for value in (*step_times(seconds), *cpu_times(samples))),
            "; ".join(found) or "flat",
        )
    if opt.plot:
        plot(opt.plot, runs)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
