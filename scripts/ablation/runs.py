"""Train and test the rows of an ablation, each once, with one budget; go on where it stopped."""

import csv
import json
import logging
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.ablation.tables import Row, Table
from util.files import write_text
from util.run_folder.layout import holds_run

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
LOADED = 286 / 256  # pictures are scaled to so many crops, as in the paper
THREADS = "0"  # one process for a row: small pictures are read fast


@dataclass(frozen=True)
class Budget:
    """What all rows have in common. ``extra``: flags for every train.py.

    ``labels``: side of the label maps, A or B; ``size``: of pictures and networks (pixels).
    """

    dataroot: str
    labels: str
    size: int
    epochs: int
    phase: str
    extra: Sequence[str] = ()

    def hold(self, out: Path) -> None:
        """Write it down; rows of different budgets are no table.

        Raises:
            ValueError: ``out`` has rows of another one.
        """
        path, own = out / "budget.json", json.loads(json.dumps(asdict(self)))
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else own
        other = [f"{key} {found.get(key)!r}, now {value!r}"
                 for key, value in own.items() if found.get(key) != value]
        if other:
            raise ValueError(f"{out} holds rows with another budget ({'; '.join(other)}); give "
                             "the same flags, or another --out")
        write_text(path, json.dumps(own, indent=2) + "\n")


@dataclass(frozen=True)
class Ablation:
    """Rows in ``out``: runs in ``runs/``, results in ``results/``, done ones in ``done/``."""

    out: Path
    budget: Budget

    def train_command(self, table: Table, row: Row) -> list[str]:
        budget = self.budget
        to_A = (budget.labels == "A") == table.to_labels
        constant = budget.epochs - budget.epochs // 2
        values = {
            "dataroot": budget.dataroot, "checkpoints_dir": self.out / "runs", "name": row.run,
            "model": "pix2pix", "direction": "BtoA" if to_A else "AtoB",
            "netG": f"{row.generator}_{budget.size}", "load_size": round(budget.size * LOADED),
            "crop_size": budget.size, "n_epochs": constant,
            "n_epochs_decay": budget.epochs - constant, "num_threads": THREADS,
            "display_id": 0, "keep_epochs": 1,
        }
        flags = [word for flag, value in values.items() for word in (f"--{flag}", str(value))]
        return [sys.executable, str(ROOT / "train.py"), *flags, "--no_html", *row.flags,
                *budget.extra]

    def test_command(self, row: Row) -> list[str]:
        return [
            sys.executable, str(ROOT / "test.py"), "--dataroot", self.budget.dataroot,
            "--checkpoints_dir", str(self.out / "runs"), "--results_dir", str(self.out / "results"),
            "--name", row.run, "--phase", self.budget.phase,
        ]

    def is_done(self, row: Row) -> bool:
        return (self.out / "done" / row.run).is_file()

    def results(self, row: Row) -> Path:
        return self.out / "results" / row.run / f"{self.budget.phase}_latest"

    def describe(self, table: Table, row: Row) -> str:
        """Its commands, and whether they have been run."""
        state = "done" if self.is_done(row) else "to do"
        commands = (self.train_command(table, row), self.test_command(row))
        return "\n".join([f"# {row.run}: {state}", *(shlex.join(words) for words in commands)])

    def make(self, table: Table, row: Row) -> None:
        """Train and test the row, unless that is done; a training that was stopped goes on.

        Raises:
            ValueError: a program ended with an error, which it has told.
        """
        if self.is_done(row):
            log.info("%s is done", row.run)
            return
        run_dir, train = self.out / "runs" / row.run, self.train_command(table, row)
        if (run_dir / "latest_state.pth").is_file() and holds_run(run_dir):
            train.append("--continue_train")
        elif holds_run(run_dir):
            train.append("--overwrite")  # it ended before its first save
        for command in (train, self.test_command(row)):
            log.info("%s", shlex.join(command))
            code = call(command)
            if code:
                raise ValueError(f"{row.run} ended with exit code {code}; the same command goes "
                                   "on with it")
        write_text(self.out / "done" / row.run, shlex.join(train) + "\n")

    def seconds(self, row: Row) -> float:
        """What its steps took together; saving and testing come on top."""
        seconds, before = 0.0, 0
        with (self.out / "runs" / row.run / "losses.csv").open(encoding="utf-8") as file:
            for line in csv.DictReader(file):
                images = int(line["images"])
                seconds += float(line["seconds"]) * max(0, images - before)
                before = max(images, before)  # a stretch that was trained twice counts once
        return seconds


def call(command: Sequence[str]) -> int:
    """Run a program. Ctrl-C reaches it too; it is waited for while it saves, and that is the end.

    Raises:
        SystemExit: with Ctrl-C's code.
    """
    process = subprocess.Popen(command)
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.wait()
        log.info("stopped; the same command goes on")
        sys.exit(130)
