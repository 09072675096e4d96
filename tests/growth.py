"""Train with train.py and judge whether memory and step time grow (Linux).

The second half of a run is judged, because the first half warms up.
"""

import csv
import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, mode

import numpy as np
from conftest import draw_pictures

from util.text import format_bytes

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[1]
MOST_BYTES, MOST_SHARE = 5 * 2**20, 0.02  # limits of growth in 1,000 steps; the smaller one counts
MOST_AT_ONCE = 128 * 2**20  # limit of the whole rise: the heap may grow once, for a large block
FULL = 5900  # steps of a full run, some at its ends are left out
NEAR = 0.15  # share of the run: samples with a smaller distance are compared
MOST_SLOWER = 0.1  # limit for the step time: last quarter against the second
IMAGES = 100  # images of an epoch
# Displays, saves and one worker are on, as in a real run; images are small.
FLAGS = (
    "--gpu_ids -1 --ngf 8 --ndf 8 --load_size 140 --display_id 0 --num_threads 1 --pool_size 20 "
    "--use_tensorboard --print_freq 20 --display_freq 100 --update_html_freq 200 "
    "--save_latest_freq 300 --save_epoch_freq 5 --keep_epochs 1 --n_epochs_decay 1"
)
MODELS = {
    "pix2pix": "--model pix2pix --netG unet_128 --crop_size 128",
    "cycle_gan": "--model cycle_gan --netG resnet_6blocks --crop_size 64",
}


@dataclass(frozen=True)
class MemorySample:
    """``resident``: see there; ``cpu_seconds``: the program alone, without its workers.

    ``pace``: CPU seconds of a fixed computation at that moment, see ``fixed_work``.
    """

    steps: int
    resident: int
    cpu_seconds: float
    processes: int = 2
    pace: float = 1.0


def problems(samples: Sequence[MemorySample], seconds: Sequence[float]) -> list[str]:
    """Return a sentence for everything that grew; ``seconds``: step times over the run.

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
    sentences = []
    growth = growth_per_1000(late)
    # A short run has to rise by as many bytes: small rises end after a few hundred steps.
    in_short_runs = max(1, FULL / end)
    if growth > in_short_runs * min(MOST_BYTES, MOST_SHARE * late[0].resident):
        sentences.append(
            f"memory grows by {format_bytes(growth, digits=1)} for 1,000 steps; allowed are "
            f"{format_bytes(MOST_BYTES)} and {MOST_SHARE:.0%}"
        )
    held = [sample.resident for sample in late]
    rise = median(held[-3:]) - median(held[:3])
    if rise > MOST_AT_ONCE:
        sentences.append(f"memory has risen by {format_bytes(rise)} in the second half; allowed "
                         f"are {format_bytes(MOST_AT_ONCE)}")
    times = {"": step_times(seconds), " of the CPU": cpu_times(samples)}
    # Other programs affect the wall-clock time, and by the shared caches the CPU time, too.
    before, after = of_quarters(samples, "pace")
    busier = {"": 1.0, " of the CPU": max(1.0, median(after) / median(before))}
    if all(last > (1 + MOST_SLOWER) * busier[unit] * second
           for unit, (second, last) in times.items()):
        sentences += [
            f"a step takes {1000 * last:.1f} ms{unit} in the last quarter, {1000 * second:.1f} ms "
            f"in the second; allowed are {MOST_SLOWER:.0%} more"
            for unit, (second, last) in times.items()
        ]
    return sentences


def growth_per_1000(samples: Sequence[MemorySample]) -> float:
    """Return bytes per 1,000 steps: the median slope between samples that are near each other.

    The Theil-Sen estimator takes all pairs, half of which one rise in the middle would affect.
    """
    near = NEAR * samples[-1].steps
    return 1000 * median(
        (b.resident - a.resident) / (b.steps - a.steps)
        for index, a in enumerate(samples)
        for b in samples[index + 1 :]
        if 0 < b.steps - a.steps <= near
    )


def step_times(seconds: Sequence[float]) -> tuple[float, float]:
    """Return the medians of the second and of the last quarter."""
    quarter = len(seconds) // 4
    return median(seconds[quarter : 2 * quarter]), median(seconds[-quarter:])


def cpu_times(samples: Sequence[MemorySample]) -> tuple[float, float]:
    """Return CPU seconds of a step: the means of the second and of the last quarter."""
    steps, seconds = of_quarters(samples, "steps"), of_quarters(samples, "cpu_seconds")
    second, last = ((used[-1] - used[0]) / max(1, done[-1] - done[0])
                    for done, used in zip(steps, seconds, strict=True))
    return second, last


def of_quarters(samples: Sequence[MemorySample], name: str) -> tuple[list[float], list[float]]:
    """Return a field of the samples in the second and in the last quarter of the run."""
    end = samples[-1].steps
    second, last = ([getattr(sample, name) for sample in samples
                     if first * end <= sample.steps <= (first + 0.25) * end]
                    for first in (0.25, 0.75))
    return second, last


def fixed_work() -> float:
    """Return the CPU seconds of a computation, which are more if other programs use the machine."""
    start = time.process_time()
    np.sort(np.random.default_rng(0).random(200_000))
    return time.process_time() - start


def resident(pid: int) -> int:
    """Return the bytes of a program plus those of each of its children, 0 if it has ended.

    Files of libraries do not count: other programs may share their pages. Memory that a worker has
    inherited counts in both. Counted once, it would seem to grow whenever one of them writes to it
    (copy on write): a collection of Python's garbage does so for tens of MB at any time.
    """
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    kilobytes = [int(line.split()[1]) for line in lines
                 if line.startswith(("Anonymous:", "Swap:", "Pss_Shmem:"))]
    return 1024 * sum(kilobytes) + sum(map(resident, children(pid)))


def steady(samples: Sequence[MemorySample]) -> list[MemorySample]:
    """Return the samples with the usual number of processes: workers start late and end early."""
    usual = mode(sample.processes for sample in samples)
    return [sample for sample in samples if sample.processes == usual]


def stat(pid: int | str) -> list[str]:
    """Return the fields of /proc/PID/stat after the name of the program, [] if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def children(pid: int) -> list[int]:
    processes = [path.name for path in Path("/proc").glob("[0-9]*")]
    return [int(process) for process in processes if stat(process)[1:2] == [str(pid)]]


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a program without its workers, 0 if it has ended."""
    return sum(map(int, stat(pid)[11:13])) / os.sysconf("SC_CLK_TCK")


def train(folder: Path, model: str, *, steps: int) -> tuple[list[MemorySample], list[float]]:
    """Return samples of the memory and the step times, one for each line of losses."""
    draw_pictures(folder / "images" / "train", IMAGES, (280, 140))
    for side in "AB":
        draw_pictures(folder / "images" / f"train{side}", IMAGES, (140, 140))
    epochs = max(2, -(-steps // IMAGES))
    flags = (f"--dataroot {folder / 'images'} --checkpoints_dir {folder} {FLAGS} {MODELS[model]} "
             f"--n_epochs {epochs - 1} --name {model}")
    command = [sys.executable, str(ROOT / "train.py"), *flags.split()]
    losses = folder / model / "losses.csv"
    samples: list[MemorySample] = []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            time.sleep(0.5)
            rows, held, used = read(losses), resident(process.pid), cpu_seconds(process.pid)
            done = int(rows[-1]["images"]) if rows else 0
            processes = 1 + len(children(process.pid))
            if held and done > (samples[-1].steps if samples else 0):
                samples.append(MemorySample(done, held, used, processes, fixed_work()))
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return steady(samples), [float(row["seconds"]) for row in read(losses)]


def read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open() as file:
        return list(csv.DictReader(file))


def describe(samples: Sequence[MemorySample], seconds: Sequence[float]) -> str:
    late = [sample for sample in samples if sample.steps >= samples[-1].steps / 2]
    times = [1000 * value for value in (*step_times(seconds), *cpu_times(samples))]
    return (
        f"{samples[-1].steps} steps; memory of the program plus that of its worker "
        f"{format_bytes(late[0].resident)} half way, "
        f"{format_bytes(late[-1].resident)} at the end, {growth_per_1000(late) / 2**20:+.2f} MB "
        "for 1,000 steps; a step {:.1f} ms in the second quarter, {:.1f} ms in the last; CPU time "
        "{:.1f} and {:.1f} ms".format(*times)
    )


def plot(path: Path, samples: Sequence[MemorySample], seconds: Sequence[float]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3), layout="constrained")
    memory, pace = figure.subplots(1, 2)
    steps = [sample.steps for sample in samples]
    memory.plot(steps, [sample.resident / 2**20 for sample in samples])
    pace.plot(np.linspace(0, steps[-1], len(seconds) + 1)[1:], 1000 * np.array(seconds))
    memory.set(xlabel="steps", ylabel="memory (MB)", ylim=(0, None))
    pace.set(xlabel="steps", ylabel="time of a step (ms)", ylim=(0, None))
    figure.savefig(path, dpi=90)
