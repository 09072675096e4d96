"""Kill a training run with SIGKILL at random moments, go on each time, compare with a straight run.

    python scripts/benchmarks/soak.py --kills 100 --model pix2pix        # make soak

Weights, optimizer and random states must be equal to the bit, and losses.csv and loss_log.txt must
have the same lines but for the times. Exit code 1 if a round differs. Uses the CPU.
"""

import argparse
import csv
import logging
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import models  # noqa: E402  (the script is run as a program, from anywhere)
from util import checkpoint  # noqa: E402
from util.flags import positive_int  # noqa: E402

log = logging.getLogger(__name__)

SMALL = (
    "--gpu_ids -1 --netG resnet_6blocks --netD n_layers --n_layers_D 1 --ngf 2 --ndf 2 --dropout "
    "--load_size 20 --crop_size 16 --pool_size 3 --display_id 0 --batch_size 2 --print_freq 7 "
    "--display_freq 50 --save_latest_freq 20 --save_epoch_freq 1 --n_epochs_decay 2"
)


class Soak:
    """Runs in ``folder``: ``straight`` is never stopped, ``killed`` is killed and gone on with."""

    def __init__(self, folder: Path, model: str, *, epochs: int, workers: int, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        flags = f"{SMALL} --model {model} --n_epochs {epochs} --num_threads {workers}"
        place = ["--dataroot", str(folder / "pictures"), "--checkpoints_dir", str(folder / "runs")]
        self.command = [sys.executable, str(ROOT / "train.py"), *place, *flags.split()]
        draw_pictures(folder / "pictures", count=15)

    def run_straight(self) -> float:
        """Returns the seconds that it took."""
        started = time.monotonic()
        subprocess.run([*self.command, "--name", "straight", "--overwrite"], check=True,
                       stdout=subprocess.DEVNULL)
        self.seconds = time.monotonic() - started
        return self.seconds

    def kill_until_finished(self, most_kills: int) -> int:
        """One killed run from its start to its end; returns how often it was killed."""
        run_dir = self.folder / "runs" / "killed"
        shutil.rmtree(run_dir, ignore_errors=True)
        kills = 0
        while True:
            resumes = (run_dir / "latest_state.pth").exists()
            process = subprocess.Popen(
                [*self.command, "--name", "killed",
                 "--continue_train" if resumes else "--overwrite"],
                stdout=subprocess.DEVNULL,
            )
            # Anywhere from the start of Python to the end of the run.
            patience = self.random.uniform(0, self.seconds) if kills < most_kills else None
            try:
                code = process.wait(timeout=patience)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
                continue
            if code == 0 or self.is_finished(run_dir):
                return kills
            raise RuntimeError(f"the resumed run ended with exit code {code}")

    def is_finished(self, run_dir: Path) -> bool:
        """A run killed after its last save has nothing left to train, which train.py says."""
        state = checkpoint.load(run_dir / "latest_state.pth")["clock"]
        straight = checkpoint.load(self.folder / "runs" / "straight" / "latest_state.pth")["clock"]
        return bool(state == straight)

    def differences(self) -> list[str]:
        """Names of everything in which the killed run differs from the straight one."""
        straight, killed = (self.folder / "runs" / name for name in ("straight", "killed"))
        found = []
        for path in sorted(straight.glob("*.pth")):
            found += [f"{path.name}{key}" for key in unequal(load(path), load(killed / path.name))]
        return found + [
            name
            for name, read in (("losses.csv", csv_rows), ("loss_log.txt", log_lines))
            if read(straight / name) != read(killed / name)
        ]


def draw_pictures(root: Path, *, count: int, side: int = 20) -> None:
    """Noise, as pairs and as single pictures."""
    rng = np.random.default_rng(0)
    for folder, width in (("train", 2 * side), ("trainA", side), ("trainB", side)):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            pixels = rng.integers(0, 256, (side, width, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / folder / f"{index}.png")


def load(path: Path) -> dict[str, Any]:
    state = checkpoint.load(path)
    state.pop("logs", None)  # sizes in bytes, which depend on the times in the lines
    return state


def unequal(one: Any, other: Any, name: str = "") -> list[str]:
    """Paths of values that are not equal to the bit."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return [path for key in one for path in unequal(one[key], other[key], f"{name}.{key}")]
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [path for index, (a, b) in pairs for path in unequal(a, b, f"{name}.{index}")]
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return [] if torch.equal(one, other) else [name]
    return [] if one == other else [name]


def csv_rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if k not in ("seconds", "data_share")} for row in rows]


def log_lines(path: Path) -> list[str]:
    lines = [line for line in path.read_text().splitlines() if line.startswith("(")]
    return [re.sub(r"time: .*?\)", "", line) for line in lines]


def soak(folder: Path, model: str, *, kills: int, epochs: int, workers: int, seed: int) -> int:
    """Returns the number of rounds that differed."""
    trial = Soak(folder, model, epochs=epochs, workers=workers, seed=seed)
    log.info("%s: the straight run took %.1f s", model, trial.run_straight())
    done = bad = 0
    while done < kills:
        killed = trial.kill_until_finished(kills - done)
        different = trial.differences()
        done, bad = done + killed, bad + bool(different)
        verdict = "equal" if not different else f"DIFFERENT: {', '.join(different[:5])}"
        log.info("%s: %d of %d kills; a run killed %d times: %s",
                 model, done, kills, killed, verdict)
    return bad


def main() -> None:
    trainable = [name for name in models.available() if name != "test"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--kills", type=positive_int, default=100, help="kills for each model")
    parser.add_argument("--model", choices=trainable, nargs="+", default=["pix2pix"])
    parser.add_argument("--epochs", type=positive_int, default=20, help="before the decay")
    parser.add_argument("--workers", type=int, default=0, help="processes that read pictures")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    opt = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    bad = 0
    for model in opt.model:
        with tempfile.TemporaryDirectory() as folder:
            bad += soak(Path(folder), model, kills=opt.kills, epochs=opt.epochs,
                        workers=opt.workers, seed=opt.seed)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
