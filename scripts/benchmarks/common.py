"""Parts that the benchmark programs share: images, timing, memory and Markdown tables."""

import os
import platform
import re
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image

from util.runtime import describe_device

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
Spread = tuple[float, float, float]  # median, lowest, highest
Rows = dict[str, dict[str, object]]  # the cells of a table, by the names of rows and columns


def spread(values: Iterable[float]) -> Spread:
    numbers = list(values)
    return statistics.median(numbers), min(numbers), max(numbers)


def markdown(rows: Mapping[str, Mapping[str, object]]) -> str:
    """Return a table of named rows.

    Numbers are printed with three digits, a Spread as its median and (lowest to highest).
    """
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    lines = [["", *columns], ["---"] * (1 + len(columns))]
    lines += [[name, *(_cell(row.get(column, "-")) for column in columns)]
              for name, row in rows.items()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: object) -> str:
    if isinstance(value, tuple):
        return "{} ({} to {})".format(*map(_cell, value))
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return str(value)


def in_turn(
    calls: Mapping[str, Callable[[], T]], rounds: int, *, warm_up: bool = True
) -> dict[str, list[T]]:
    """Call all of them in each round, and return the results by name.

    A short load of the machine then affects all of them. ``warm_up`` adds a round, which does not
    count.
    """
    results = [[call() for call in calls.values()] for _ in range(warm_up + rounds)]
    return {name: list(column) for name, *column in zip(calls, *results[warm_up:], strict=True)}


def machine_facts(device: torch.device | None = None) -> dict[str, object]:
    return {
        "date": time.strftime("%d %B %Y"), "device": describe_device(device or torch.device("cpu")),
        "cores": os.cpu_count(), "processor": platform.machine(), "load": os.getloadavg()[0],
        "python": platform.python_version(), "torch": torch.__version__,
    }


def seconds_of(call: Callable[[], object], device: torch.device) -> float:
    """Return the wall-clock seconds of one call, including the work that it queued on a GPU."""
    synchronise(device)
    start = time.perf_counter()
    call()
    synchronise(device)
    return time.perf_counter() - start


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_bytes() -> float:
    """Return the largest resident memory of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():  # the value of getrusage includes the peak of the parent process on Linux
        return 1024.0 * int(re.findall(r"VmHWM:\s*(\d+)", status.read_text())[0])
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def write_images(root: Path, count: int, *, side: int = 256) -> None:
    """Write JPEG files of smooth noise: pairs in train, single images in trainA and trainB.

    The files are about as large as those of photos.
    """
    rng = np.random.default_rng(0)
    for index in range(count):
        A, B = _smooth_noise(rng, side), _smooth_noise(rng, side)
        for folder, pixels in (("trainA", A), ("trainB", B), ("train", np.hstack([A, B]))):
            (root / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / folder / f"{index}.jpg", quality=90)


def _smooth_noise(rng: np.random.Generator, side: int) -> np.ndarray:
    coarse = rng.integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
    large = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    return (np.asarray(large) + rng.normal(0, 6, (side, side, 3))).clip(0, 255).astype(np.uint8)
