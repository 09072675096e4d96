"""Train and test every row of an ablation once, with one budget; resume what was interrupted."""

import csv
import json
import logging
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.ablation.tables import AblationRow
from util.files import write_text
from util.run_folder.layout import holds_run

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
LOAD_SIZE = 286 / 256  # load_size / crop_size, as in the paper


@dataclass(frozen=True)
class Budget:
    """What all rows have in common. ``extra``: flags for every train.py.

    ``labels``: side of the label maps, A or B; ``size``: of images and networks (pixels).
    """

    dataroot: str
    labels: str
    size: int
    epochs: int
    phase: str
    extra: Sequence[str] = ()

    def hold(self, out: Path) -> None:
        """Write the budget to ``out``.

        Raises:
            ValueError: ``out`` has rows with another budget.
        """
        path, own = out / "budget.json", json.loads(json.dumps(asdict(self)))
        saved = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else own
        changes = [f"{key} {saved.get(key)!r}, now {value!r}"
                   for key, value in own.items() if saved.get(key) != value]
        if changes:
            raise ValueError(f"{out} holds rows with another budget ({'; '.join(changes)}); give "
                             "the same flags, or another --out")
        write_text(path, json.dumps(own, indent=2) + "\n")


@dataclass(frozen=True)
class Ablation:
    """Rows in ``out``: runs in ``runs/``, results in ``results/``, finished ones in ``done/``."""

    out: Path
    budget: Budget

    def train_command(self, row: AblationRow) -> list[str]:
        budget = self.budget
        to_A = (budget.labels == "A") == row.to_labels
        decay = budget.epochs // 2
        flags = (f"--name {row.run} --model pix2pix --direction {'BtoA' if to_A else 'AtoB'} "
                 f"--netG {row.generator}_{budget.size} --load_size "
                 f"{round(budget.size * LOAD_SIZE)} --crop_size {budget.size} --n_epochs "
                 f"{budget.epochs - decay} --n_epochs_decay {decay} --num_threads 0 --display_id 0 "
                 "--keep_epochs 1 --no_html")
        return [*self._program("train.py"), *flags.split(), *row.flags, *budget.extra]

    def test_command(self, row: AblationRow) -> list[str]:
        return [*self._program("test.py"), "--results_dir", str(self.out / "results"),
                "--name", row.run, "--phase", self.budget.phase]

    def _program(self, name: str) -> list[str]:
        return [sys.executable, str(ROOT / name), "--dataroot", self.budget.dataroot,
                "--checkpoints_dir", str(self.out / "runs")]

    def is_done(self, row: AblationRow) -> bool:
        return (self.out / "done" / row.run).is_file()

    def results(self, row: AblationRow) -> Path:
        return self.out / "results" / row.run / f"{self.budget.phase}_latest"

    def describe(self, row: AblationRow) -> str:
        """Return the commands, and whether they have been run."""
        commands = map(shlex.join, (self.train_command(row), self.test_command(row)))
        return "\n".join([f"# {row.run}: {'done' if self.is_done(row) else 'to do'}", *commands])

    def make(self, row: AblationRow) -> None:
        """Train and test the row unless that is done; an interrupted training is resumed.

        Raises:
            ValueError: a program ended with an error.
        """
        if self.is_done(row):
            log.info("%s is done", row.run)
            return
        run_dir, train = self.out / "runs" / row.run, self.train_command(row)
        if holds_run(run_dir):  # it may have been stopped before its first save
            is_saved = (run_dir / "latest_state.pth").is_file()
            train.append("--continue_train" if is_saved else "--overwrite")
        for command in (train, self.test_command(row)):
            log.info("%s", shlex.join(command))
            call_or_raise(command, row.run)
        write_text(self.out / "done" / row.run, shlex.join(train) + "\n")

    def seconds(self, row: AblationRow) -> float:
        """Return the time of all steps together, without saving and testing."""
        seconds, before = 0.0, 0
        with (self.out / "runs" / row.run / "losses.csv").open(encoding="utf-8") as file:
            for line in csv.DictReader(file):
                # Steps that were repeated after an interruption count once.
                seconds += float(line["seconds"]) * max(0, int(line["images"]) - before)
                before = max(int(line["images"]), before)
        return seconds


def call_or_raise(command: Sequence[str], name: str) -> None:
    """
    Raises:
        ValueError: the program failed.
    """
    if code := call(command):
        raise ValueError(f"{name} ended with exit code {code}; the same command resumes it")


def call(command: Sequence[str]) -> int:
    """Run a program. After Ctrl-C, which it receives too, wait until it has saved, and exit.

    Raises:
        SystemExit: with the exit code of Ctrl-C.
    """
    process = subprocess.Popen(command)
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.wait()
        log.info("stopped; the same command resumes it")
        sys.exit(130)
